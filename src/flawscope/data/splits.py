"""Split files: which image belongs to train, val and test, and which images show one physical piece."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.data.masks import MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.outputs import write_json

UNASSIGNED = "unassigned"
"""The key of a split file whose images belong to no split."""


class SplitEntry(BaseModel):
    """One image of a split file; paths are relative to the dataset's folder."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    image: str
    mask: str | None = None
    kind: str | None = Field(default=None, alias="class")
    group: str | None = None
    subset: str | None = None


@dataclass(frozen=True, slots=True)
class SplitFile:
    """A split file as it is.

    Attributes:
        path: the file.
        splits: entries of each split, by its name.
        note: what its author wrote about it.
        root: the dataset's folder relative to the file, if the file says so.
    """

    path: Path
    splits: dict[str, tuple[SplitEntry, ...]]
    note: str = ""
    root: str | None = None


def read_splits(path: Path) -> SplitFile:
    """Read a split file.

    Raises:
        DataError: not JSON, no split in it, an entry without image, or an image in two splits.
    """
    content = load_json(path)
    if not isinstance(content, dict) or not is_split_content(content):
        raise DataError(
            "not a split file",
            where=path,
            remedy='It is JSON such as {"train": [{"image": "a.png", "mask": "b.png"}], "test": [...]}',
        )
    splits: dict[str, tuple[SplitEntry, ...]] = {}
    home: dict[str, str] = {}
    for split, entries in content.items():
        if not isinstance(entries, list):
            continue
        splits[split] = tuple(_entry(entry, split, index, path) for index, entry in enumerate(entries))
        for entry in splits[split]:
            key = os.path.normpath(entry.image)
            if key in home:
                where = "twice in" if home[key] == split else f"in {home[key]} and"
                raise DataError(
                    f"{entry.image} is {where} {split}", where=path, remedy="Keep each image in one split"
                )
            home[key] = split
    return SplitFile(path, splits, str(content.get("note", "")), content.get("root"))


def is_split_content(content: Mapping[str, Any]) -> bool:
    """Whether parsed JSON has the form of a split file (COCO and few-shot manifests have not)."""
    if "annotations" in content or "classes" in content:
        return False
    lists = [value for value in content.values() if isinstance(value, list)]
    return bool(lists) and all(isinstance(item, dict) and "image" in item for part in lists for item in part)


def load_json(path: Path) -> Any:
    """Parsed JSON; raises DataError with line and column when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON (line {error.lineno}: {error.msg})", where=path) from error
    except UnicodeDecodeError as error:
        raise DataError("not UTF-8 text", where=path) from error
    except RecursionError as error:
        raise DataError("JSON nested too deep", where=path) from error
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=path, remedy="Check the path") from error


def _entry(entry: Any, split: str, index: int, path: Path) -> SplitEntry:
    try:
        return SplitEntry.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{split}[{index}].{key}: {first['msg'].lower()}", where=path) from error


def apply_splits(data: SegmentationData, file: SplitFile) -> SegmentationData:
    """The samples that the split file names, in its order, with its splits, classes and groups.

    A group in two splits is kept as the file says and listed as a problem.

    Raises:
        DataError: the file names images that the dataset does not have.
    """
    known = {_key(sample.image): sample for sample in data.samples}
    chosen: list[Sample] = []
    missing: list[str] = []
    for split, entries in file.splits.items():
        for entry in entries:
            sample = known.get(_key(data.root / entry.image))
            if sample is None:
                missing.append(entry.image)
            else:
                chosen.append(_join(sample, entry, split, data.root))
    if missing:
        raise DataError(
            f"{len(missing)} of its images are not in the dataset {data.root} (first: {missing[0]})",
            where=file.path,
            remedy="Its paths are relative to the dataset's folder; check that they belong together",
        )
    crossing = tuple(Problem(file.path, what) for what in groups_across(chosen))
    return replace(data, samples=tuple(chosen), problems=data.problems + crossing)


def groups_across(samples: Sequence[Sample]) -> list[str]:
    """A line for each group that lies in more than one split."""
    homes: dict[str, set[str]] = {}
    for sample in samples:
        if sample.group is not None and sample.split is not None:
            homes.setdefault(sample.group, set()).add(sample.split)
    return [
        f"group '{group}' is in {' and '.join(sorted(splits))}"
        for group, splits in homes.items()
        if len(splits) > 1
    ]


def from_split_file(file: SplitFile, root: Path) -> SegmentationData:
    """A dataset made of a split file alone: masks are black and white, defect above 127.

    Raises:
        DataError: one of its images or masks does not exist.
    """
    samples: list[Sample] = []
    for split, entries in file.splits.items():
        for entry in entries:
            image = root / entry.image
            mask = None if entry.mask is None else root / entry.mask
            for needed in (image, mask):
                if needed is not None and not needed.is_file():
                    raise DataError(
                        f"names a file that does not exist: {needed}",
                        where=file.path,
                        remedy="Its paths are relative to the dataset's folder",
                    )
            name = Path(entry.image).with_suffix("").as_posix()
            bare = Sample(name, image, None if mask is None else MaskFile(mask))
            samples.append(_join(bare, entry, split, root))
    crossing = tuple(Problem(file.path, what) for what in groups_across(samples))
    return SegmentationData(
        file.path.stem, root, ("defect",), tuple(samples), layout="split file", problems=crossing
    )


def _join(sample: Sample, entry: SplitEntry, split: str, root: Path) -> Sample:
    truth = sample.truth
    if entry.mask is not None:
        mask = root / entry.mask
        if truth is None:
            truth = MaskFile(mask)
        elif isinstance(truth, MaskFile) and _key(truth.path) != _key(mask):
            truth = replace(truth, path=mask)
    return replace(
        sample,
        truth=truth,
        split=None if split == UNASSIGNED else split,
        kind=entry.kind or sample.kind,
        group=entry.group or sample.group,
        subset=entry.subset or sample.subset,
    )


def _key(path: Path) -> str:
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100  (Path.resolve is slow and follows links)


def write_splits(path: Path, data: SegmentationData, note: str = "") -> Path:
    """Write the splits of ``data`` as a split file, paths relative to ``data.root``.

    The file says where that is, seen from itself, so that it opens on its own.
    """
    root = _below(data.root, path.parent)
    content: dict[str, Any] = {"note": note, "root": root, **{split: [] for split in data.splits}}
    for sample in data.samples:
        content.setdefault(sample.split or UNASSIGNED, []).append(split_entry(sample, data.root))
    return write_json(path, content)


def split_entry(sample: Sample, root: Path) -> dict[str, str]:
    """One sample as a split file writes it."""
    mask = _below(sample.truth.path, root) if isinstance(sample.truth, MaskFile) else None
    entry = {
        "image": _below(sample.image, root),
        "mask": mask,
        "class": sample.kind,
        "group": sample.group,
        "subset": sample.subset,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _below(file: Path, root: Path) -> str:
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:  # another drive, on Windows
        return file.resolve().as_posix()
