"""``dataset.yaml``: a dataset described in words a person writes, or several joined into one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.data.layouts import plain, read_layout, which_layout
from flawscope.data.masks import Clean, MaskFile, Renumbered
from flawscope.data.samples import Sample, SegmentationData
from flawscope.data.splits import apply_splits, read_splits
from flawscope.data.values import Values
from flawscope.errors import DataError

BACKGROUND = ("background", "0", "_background_")
"""Labels (lower case) that mean "no defect" in ``mask_values``."""

CLEAN_KINDS = ("free", "good", "normal", "ok", "clean")
"""Kinds (lower case) of images without defect."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    path: str = "."
    layout: str = "auto"
    splits: str | None = None
    labels: list[str] | Literal["kinds"] | None = None
    mask_values: dict[int, str] | None = None
    threshold: int | None = Field(default=None, ge=0, le=65535)
    subset: str | None = None
    white: int | None = Field(default=None, ge=1, le=65535)
    unlabelled: Literal["leave", "clean"] = "leave"
    binary: bool = False


class _Description(_Part):
    parts: list[_Part] | None = Field(default=None, min_length=1)


DESCRIPTION = "dataset.yaml"
"""The file that says how a folder is to be read; it goes before any recognition."""


def read_described(path: Path, inside: tuple[Path, ...] = ()) -> SegmentationData:
    """Read a ``dataset.yaml``; its keys are described in ``docs/data.md``.

    A part may be a folder with a ``dataset.yaml`` of its own; ``inside`` are the files that led here.

    Raises:
        DataError: a key is unknown or has a wrong value (with its line), or the dataset cannot be read.
    """
    if path.resolve() in inside:
        raise DataError("leads back to itself", where=path, remedy="Take one of its parts out")
    inside = (*inside, path.resolve())
    description = _parse(path)
    name = description.name or path.resolve().parent.name
    if description.parts is None:
        return replace(_read_part(description, path, inside), name=name)
    read = [_read_part(part, path, inside) for part in description.parts]
    names = [part.name or data.name for part, data in zip(description.parts, read, strict=True)]
    data = join(
        [replace(one, name=called) for one, called in zip(read, names, strict=True)], name, path.parent
    )
    if description.splits is not None:
        data = apply_splits(data, read_splits(_place(description.splits, path)))
    return data.binary() if description.binary else data


def join(parts: Sequence[SegmentationData], name: str, root: Path) -> SegmentationData:
    """Several datasets as one: sample names and groups get their part's name in front, labels are united.

    Labels of the same name become one class, whatever their numbers were.
    """
    doubled = next((part.name for part in parts if [p.name for p in parts].count(part.name) > 1), None)
    if doubled is not None:
        raise DataError(
            f"two parts are named '{doubled}'", where=root, remedy="Give each part its own 'name:'"
        )
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    samples: list[Sample] = []
    for part in parts:
        numbers = {old: labels.index(label) + 1 for old, label in enumerate(part.labels, start=1)}
        moved = any(old != new for old, new in numbers.items())
        for sample in part.samples:
            truth = sample.truth
            if truth is not None and moved:
                truth = Renumbered(truth, numbers)
            samples.append(
                replace(
                    sample,
                    name=f"{part.name}/{sample.name}",
                    group=None if sample.group is None else f"{part.name}/{sample.group}",
                    truth=truth,
                )
            )
    return SegmentationData(
        name=name,
        root=root,
        labels=labels,
        samples=tuple(samples),
        layout=" + ".join(dict.fromkeys(part.layout for part in parts)),
        merged=any(part.merged for part in parts),
        problems=tuple(problem for part in parts for problem in part.problems),
    )


def _place(written: str, file: Path) -> Path:
    """The path that ``file`` writes: relative to it, with ``~`` and ``$VARIABLES`` put in."""
    return file.parent / Path(os.path.expandvars(written)).expanduser()


def _read_part(part: _Part, file: Path, inside: tuple[Path, ...]) -> SegmentationData:
    root = _place(part.path, file)
    if not root.exists():
        raise DataError(
            f"path: {part.path} does not exist", where=file, remedy="Paths are relative to the dataset.yaml"
        )
    own = root / DESCRIPTION if root.is_dir() else root
    described = part.layout == "auto" and own.suffix in (".yaml", ".yml") and own.is_file()
    if described and own.resolve() != file.resolve():
        data = _revalue(read_described(own, inside), part, file)
    elif part.mask_values is None and part.threshold is None:
        data = read_layout(root, part.layout)
    elif which_layout(root, part.layout) == "plain":
        data = _revalue(plain.read(root, Values(1, None)), part, file)
    else:
        data = _revalue(read_layout(root, part.layout), part, file)
    if part.unlabelled == "clean":
        data = replace(data, samples=tuple(replace(s, truth=s.truth or Clean()) for s in data.samples))
    if part.subset is not None:
        data = replace(data, samples=tuple(replace(s, subset=part.subset) for s in data.samples))
    if part.white is not None:
        data = replace(data, samples=tuple(replace(s, white=part.white) for s in data.samples))
    if part.splits is not None:
        data = apply_splits(data, read_splits(_place(part.splits, file)))
    data = _relabel(data, part, file)
    if part.binary:
        data = data.binary()
    return data if part.name is None else replace(data, name=part.name)


def _revalue(data: SegmentationData, part: _Part, file: Path) -> SegmentationData:
    """Mask values as the description gives them, if it does, instead of the layout's."""
    if part.mask_values is None and part.threshold is None:
        return data
    labels: tuple[str, ...] = ("defect",)
    numbers: dict[int, int] | None = None
    if part.mask_values is not None:
        named = {value: label for value, label in part.mask_values.items() if label.lower() not in BACKGROUND}
        labels = tuple(dict.fromkeys(named.values()))
        numbers = {0: 0} | dict.fromkeys(part.mask_values, 0)
        numbers |= {value: labels.index(label) + 1 for value, label in named.items()}
    samples: list[Sample] = []
    for sample in data.samples:
        truth = sample.truth
        if isinstance(truth, MaskFile):
            truth = MaskFile(truth.path, numbers, 127 if part.threshold is None else part.threshold)
        elif truth is not None and not isinstance(truth, Clean):
            raise DataError(
                f"mask_values and threshold are for mask images, and the layout '{data.layout}' has none",
                where=file,
                remedy="Take them out; its annotations name their classes themselves",
            )
        samples.append(replace(sample, truth=truth))
    return replace(data, labels=labels, samples=tuple(samples))


def _relabel(data: SegmentationData, part: _Part, file: Path) -> SegmentationData:
    if part.labels is None:
        return data
    if part.labels == "kinds":
        return kinds_as_labels(data)
    if len(part.labels) != len(data.labels):
        raise DataError(
            f"labels: {len(part.labels)} names for {len(data.labels)} classes ({', '.join(data.labels)})",
            where=file,
            remedy="List one name a class, or say what mask values mean with mask_values",
        )
    return replace(data, labels=tuple(part.labels))


def kinds_as_labels(data: SegmentationData) -> SegmentationData:
    """Every defect pixel gets the class that the folder or file name gives its image.

    For sets with black-and-white masks sorted by kind. Clean images take part without a class.
    """
    kinds = sorted({s.kind for s in data.samples if s.kind is not None and s.kind.lower() not in CLEAN_KINDS})
    if not 1 <= len(kinds) <= 255:
        raise DataError(
            f"labels: kinds needs images sorted by kind, and there are {len(kinds)} kinds",
            where=data.root,
            remedy="Use it with layouts whose folders or file names give each image a kind",
        )
    samples = tuple(
        sample
        if sample.truth is None or sample.kind not in kinds
        else replace(
            sample,
            truth=Renumbered(sample.truth, dict.fromkeys(range(1, 256), kinds.index(sample.kind) + 1)),
        )
        for sample in data.samples
    )
    return replace(data, labels=tuple(kinds), samples=samples)


def _parse(path: Path) -> _Description:
    try:
        text = path.read_text(encoding="utf-8-sig")
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" (line {mark.line + 1})"
        raise DataError(f"not valid YAML{line}: {getattr(error, 'problem', error)}", where=path) from error
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=path, remedy="Save it as UTF-8") from error
    if not isinstance(content, dict):
        raise DataError(
            "a dataset.yaml is a list of 'key: value' lines", where=path, remedy="docs/data.md shows one"
        )
    try:
        return _Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        loc = [part for part in first["loc"] if not (isinstance(part, str) and "[" in part)]
        key = ".".join(str(part) for part in loc)
        known = ", ".join(_Description.model_fields)
        unknown = first["type"] == "extra_forbidden"
        raise DataError(
            f"line {_line(text, loc)}: '{key}' "
            + ("is not a known key" if unknown else first["msg"].lower()),
            where=path,
            remedy=f"Known keys: {known}" if unknown else "docs/data.md describes each key",
        ) from error


def _line(text: str, loc: Sequence[str | int]) -> int:
    """The line, from 1, on which the deepest found part of ``loc`` stands."""
    node: Any = yaml.compose(text)
    line = int(node.start_mark.line)
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            hit = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if hit is None:
                break
            line, node = int(hit[0].start_mark.line), hit[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = int(node.start_mark.line)
    return line + 1
