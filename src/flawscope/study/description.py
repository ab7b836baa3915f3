"""What a study is told, in one YAML file.

::

    name: steel
    title: Strip steel, 360 test images
    data:
      steel: {path: $FLAWSCOPE_DATA/sd-saliency-900, splits: $FLAWSCOPE_DATA/splits/sd-saliency-900.json}
    train: steel                  # what rows are trained on, unless they say otherwise
    test: [steel]                 # what all rows are measured on
    protocols: [standard]         # ocinet: as the paper measured
    passes: 30000                 # images shown to every network; epochs follow from the size of the training part
    seeds: [0]
    set: {imgsz: 224, batch: 16}  # fields of the recipe
    reference: ocinet-tiny        # the row that others are compared with
    rows:
      - {name: ocinet-tiny, model: ocinet-tiny}
      - {name: U-Net, model: "smp:unet:resnet18", seeds: [0, 1, 2]}
      - {name: CSEPNet, maps: $FLAWSCOPE_DATA/peers/sd900-csepnet, normalise: true}
      - {name: tuned, model: ocinet-tiny, start: ocinet-tiny, passes: 5000}

Paths are relative to the file; ``$NAME`` stands for a variable of the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flawscope.errors import UsageError
from flawscope.inspect.yaml_lines import YamlFaultError, parse_yaml
from flawscope.nets.library_names import check_model
from flawscope.study.runs import Run
from flawscope.train.settings import Recipe, change_recipe, make_recipe

ProtocolName = Literal["standard", "ocinet"]


class Source(BaseModel):
    """A dataset of a study.

    Attributes:
        path, splits, layout: as for ``flawscope train``.
        multiclass: keep its classes apart.
        test: the split that is measured on.
        title: what tables call it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    splits: str | None = None
    layout: str = "auto"
    multiclass: bool = False
    test: str = "test"
    title: str | None = None


class StudyRow(BaseModel):
    """One row of a study's tables: a network that is trained, weights that exist, or somebody's maps.

    Attributes:
        name: in tables; unique.
        model: preset or library network to train.
        options: of the preset.
        weights: instead of ``model``: existing weights, a file or a shipped name.
        maps: instead of ``model``: a folder of somebody's maps.
        normalise: stretch maps to 0 to 1, as saliency benchmarks do.
        train: the dataset to train on; the study's by default.
        test: the datasets to measure on; the study's by default.
        start: start from the weights of another row (of the same seed), or from a run folder or file, with a
            slash in it.
        teachers: learn also from the weights of these rows, all their seeds together.
        images: train on so many labelled images only, drawn by the seed from the training part, none held out.
        symmetries: answer with the mean over 2, 4 or 8 symmetries of every test image.
        of: measure the weights of this row, of the same seed, instead of training.
        passes: instead of the study's.
        minutes: instead of passes: train this long, on a schedule of ``passes``.
        seeds: instead of the study's.
        recipe, set: instead of the study's, and on top of it.
        note: what tables say beside it.
        paper: figures that the paper printed for it, by name.
        parameters: of the network behind ``maps``, as its authors say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    model: str | None = None
    options: dict[str, Any] = {}
    weights: str | None = None
    maps: str | None = None
    normalise: bool = False
    train: str | None = None
    test: tuple[str, ...] | None = None
    start: str | None = None
    teachers: tuple[str, ...] = ()
    images: int | None = Field(default=None, ge=1)
    symmetries: Literal[2, 4, 8] | None = None
    of: str | None = None
    passes: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    seeds: tuple[int, ...] | None = Field(default=None, min_length=1)
    recipe: str | None = None
    set: dict[str, Any] = {}
    note: str = ""
    paper: dict[str, float] = {}
    parameters: int | None = Field(default=None, ge=1)

    @property
    def starts_elsewhere(self) -> bool:
        """Whether ``start`` is a place and no row."""
        return self.start is not None and "/" in self.start

    @model_validator(mode="after")
    def _one_of_three(self) -> StudyRow:
        given = [name for name in ("model", "weights", "maps", "of") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of model, weights, maps and of, not {' and '.join(given) or 'none'}")
        return self


class StudyFile(BaseModel):
    """The content of the YAML file; see the head of the module."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    about: str = ""
    data: dict[str, Source] = Field(min_length=1)
    train: str | None = None
    test: tuple[str, ...] | None = None
    protocols: tuple[ProtocolName, ...] = ("standard",)
    passes: int | None = Field(default=None, ge=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    recipe: str = "default"
    set: dict[str, Any] = {}
    reference: str | None = None
    figures: tuple[str, ...] = ("iou_fg_image_mean", "wfm", "s_measure", "mae")
    rows: tuple[StudyRow, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_fit(self) -> StudyFile:
        names = [row.name for row in self.rows]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two rows are called '{repeated}'")
        files = {Run(self.name, name, 0).name: name for name in names}
        if same := next((name for name in names if files[Run(self.name, name, 0).name] != name), None):
            other = files[Run(self.name, same, 0).name]
            raise ValueError(f"'{same}' and '{other}' would be kept in one file: name them more apart")
        for wanted, known, what in (
            *(
                (other, names, "row")
                for row in self.rows
                for other in (None if row.starts_elsewhere else row.start, row.of, *row.teachers)
            ),
            (self.reference, names, "row"),
            *((source, self.data, "dataset") for source in (self.train, *(self.test or ()))),
            *(
                (source, self.data, "dataset")
                for row in self.rows
                for source in (row.train, *(row.test or ()))
            ),
        ):
            if wanted is not None and wanted not in known:
                raise ValueError(f"there is no {what} called '{wanted}'")
        for row in self.rows:
            if row.model is not None and (row.passes or self.passes) is None:
                raise ValueError(f"row '{row.name}' has no budget: give passes, for it or for all")
        return self


class Study:
    """A study that has been read and checked.

    Args:
        file: its content.
        path: where it was read from; paths in it are relative to this file.
    """

    def __init__(self, file: StudyFile, path: Path) -> None:
        self.file = file
        self.path = path

    @property
    def name(self) -> str:
        """Of the study, for folders."""
        return self.file.name

    def row(self, name: str) -> StudyRow:
        """One row; raises UsageError where there is none of this name."""
        for row in self.file.rows:
            if row.name == name:
                return row
        raise UsageError(
            f"no row called '{name}'",
            where=self.path,
            remedy=f"There are: {', '.join(row.name for row in self.file.rows)}",
        )

    def runs(self) -> Iterator[Run]:
        """Every row with each of its seeds, in order; maps and existing weights have one run."""
        for row in self.file.rows:
            for seed in self.seeds(row):
                yield Run(self.name, row.name, seed)

    def seeds(self, row: StudyRow) -> tuple[int, ...]:
        """The seeds of a row."""
        trained = row.model is not None or row.of is not None
        return (row.seeds or self.file.seeds) if trained else (0,)

    def trained_on(self, row: StudyRow) -> str:
        """The name of the dataset that a row is trained on."""
        return row.train or self.file.train or next(iter(self.file.data))

    def measured_on(self, row: StudyRow) -> tuple[str, ...]:
        """The names of the datasets that a row is measured on."""
        return row.test or self.file.test or tuple(self.file.data)

    def recipe(self, row: StudyRow, images: int) -> Recipe:
        """How a row is trained, with as many epochs as its passes make on so many images.

        Raises:
            UsageError: an unknown recipe or field, or a value out of range.
        """
        base = make_recipe(row.recipe or self.file.recipe, {"patience": None})
        passes = row.passes or self.file.passes
        assert passes is not None
        epochs = max(1, round(passes / images))
        few: dict[str, Any] = {} if row.images is None else {"validate_every": None}
        return change_recipe(base, {"epochs": epochs, **self.file.set, **row.set, **few})

    def place(self, path: str) -> Path:
        """A path of the file, with variables filled in and made absolute; raises UsageError."""
        filled = os.path.expandvars(path)
        if "$" in filled:
            name = filled.partition("$")[2].split("/")[0].strip("{}")
            raise UsageError(
                f"the variable {name} is not set",
                where=self.path,
                remedy=f"Set it to the folder of the datasets: export {name}=DIR",
            )
        return self.path.parent / filled


def read_study(path: str | Path) -> Study:
    """Read and check a study.

    Raises:
        UsageError: not there, not YAML, or a value that cannot be, with its line.
    """
    file = Path(path)
    try:
        lined = parse_yaml(file.read_bytes())
        content = StudyFile.model_validate(lined.value or {})
    except OSError as error:
        raise UsageError("cannot be read", where=file, remedy="Give a study's YAML file") from error
    except YamlFaultError as error:
        raise UsageError(error.what, where=f"{file}, line {error.line}", remedy=error.remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        line = lined.line(tuple(first["loc"]))
        raise UsageError(
            f"{key}: {what}" if key else what, where=f"{file}, line {line}", remedy="See docs/studies.md"
        ) from error
    study = Study(content, file)
    for row in content.rows:
        if row.model is not None:
            check_model(row.model)
            study.recipe(row, 1)
    return study
