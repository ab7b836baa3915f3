"""Writing a dataset out in the plain layout or as COCO, without changing a pixel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from flawscope.data.coco_writing import annotate, categories
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.data.splits import UNASSIGNED, write_splits
from flawscope.errors import DataError, ImageError, UsageError
from flawscope.images import Mask, write_image
from flawscope.outputs import atomic, write_json, write_text

Form = Literal["plain", "coco"]


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion wrote.

    Attributes:
        out: the folder.
        images: number of images written.
        masks: how many of them have a mask.
        problems: samples that could not be written, each with its reason.
    """

    out: Path
    images: int
    masks: int
    problems: tuple[Problem, ...]


def convert(
    data: SegmentationData,
    form: Form,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Converted:
    """Write ``data`` under ``out``; images are copied byte for byte.

    ``plain``: ``images/``, ``masks/`` (8-bit PNG of class numbers, 0 background), ``splits.json`` with splits,
    kinds and groups, and a ``dataset.yaml`` that says how to read it. ``coco``: ``images/`` and
    ``annotations/instances_<split>.json`` with exact run lengths; COCO cannot say "unlabelled", so images without
    a mask are left out and listed.

    A sample that cannot be read is listed and the rest is done. The file that makes the folder a dataset is
    written last.

    Args:
        data: the dataset.
        form: ``"plain"`` or ``"coco"``.
        out: an empty or new folder.
        overwrite: write into a folder that is not empty.
        progress: called after each sample.

    Raises:
        UsageError: ``out`` holds something already, or is the dataset itself.
        DataError: no sample could be written, or the form cannot say what the images' ``white`` is.
    """
    if out.resolve() == data.root.resolve():
        raise UsageError(
            "the output is the dataset itself", where=out, remedy="Choose another folder with --out"
        )
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise UsageError(
            "the folder is not empty", where=out, remedy="Choose a new one with --out, or give --overwrite"
        )
    whites = {sample.white for sample in data.samples}
    if whites - {None} and (form == "coco" or len(whites) > 1):
        raise DataError(
            "which stored value is white cannot be said in this form",
            where=data.root,
            remedy="Convert with --to plain, parts of one 'white' at a time",
        )
    names = image_names(data.samples)
    problems: list[Problem] = []
    written = (
        _plain(data, names, out, problems, progress)
        if form == "plain"
        else _coco(data, names, out, problems, progress)
    )
    if not written:
        reason = problems[0].what if problems else "the dataset is empty"
        raise DataError(f"none of {len(data)} samples could be converted ({reason})", where=data.root)
    masks = sum(sample.truth is not None for sample in written)
    return Converted(out, len(written), masks, tuple(problems))


def image_names(samples: tuple[Sample, ...]) -> list[str]:
    """A file name below ``images/`` for each sample, without suffix.

    The bare stem inside a folder named after the kind where that is unique, else the relative path with ``__`` for
    slashes and without the folders that all share. Upper and lower case count as equal, as they do on Windows and
    macOS.
    """
    parents = [PurePosixPath(s.name).parent.parts for s in samples]
    shared = len(list(takewhile(lambda step: len(set(step)) == 1, zip(*parents, strict=False))))
    folders = ["" if s.kind is None else re.sub(r"[^\w -]+", "_", s.kind) for s in samples]
    short = [PurePosixPath(f, PurePosixPath(s.name).name) for f, s in zip(folders, samples, strict=True)]
    whole = ["__".join(PurePosixPath(s.name).parts[shared:]) for s in samples]
    long = [PurePosixPath(f, name) for f, name in zip(folders, whole, strict=True)]
    counts = Counter(name.as_posix().lower() for name in short)
    taken: set[str] = set()
    names: list[str] = []
    for one, other in zip(short, long, strict=True):
        stem = (one if counts[one.as_posix().lower()] == 1 else other).as_posix()
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _copied(
    data: SegmentationData,
    names: list[str],
    out: Path,
    problems: list[Problem],
    progress: Callable[[], None],
    skip_unlabelled: bool = False,
) -> Iterator[tuple[Sample, str, Mask | None, tuple[int, int]]]:
    """Each readable sample with its copied image, its mask and ``(height, width)``."""
    for sample, name in zip(data.samples, names, strict=True):
        try:
            if skip_unlabelled and sample.truth is None:
                problems.append(
                    Problem(sample.image, "left out: it has no mask, and COCO would call it clean")
                )
                continue
            height, width = sample.read_image().shape[:2]
            mask = None if sample.truth is None else sample.truth.read(height, width)
        except (DataError, ImageError) as error:
            problems.append(Problem(sample.image, f"left out: {error.what}"))
            continue
        finally:
            progress()
        target = out / "images" / f"{name}{sample.image.suffix.lower()}"
        with atomic(target) as temporary:
            temporary.write_bytes(sample.image.read_bytes())
        yield replace(sample, image=target), name, mask, (int(height), int(width))


def _plain(
    data: SegmentationData, names: list[str], out: Path, problems: list[Problem], progress: Callable[[], None]
) -> list[Sample]:
    written: list[Sample] = []
    for sample, name, mask, _ in _copied(data, names, out, problems, progress):
        if mask is None:
            written.append(sample)
        else:
            path = write_image(out / "masks" / f"{name}.png", mask)
            written.append(replace(sample, truth=MaskFile(path)))
    if written:
        listed = replace(data, root=out, samples=tuple(written))
        write_splits(out / "splits.json", listed, f"Converted from {data.name} ({data.layout}).")
        description: dict[str, Any] = {
            "name": data.name,
            "path": ".",
            "layout": "plain",
            "splits": "splits.json",
            "mask_values": dict(enumerate(data.labels, start=1)),
        }
        whites = {sample.white for sample in written}
        if len(whites) == 1 and None not in whites:
            description["white"] = whites.pop()
        write_text(out / "dataset.yaml", yaml.safe_dump(description, sort_keys=False, allow_unicode=True))
    return written


def _coco(
    data: SegmentationData, names: list[str], out: Path, problems: list[Problem], progress: Callable[[], None]
) -> list[Sample]:
    written: list[Sample] = []
    files: dict[str, dict[str, list[dict[str, Any]]]] = {}
    identity = 1
    for sample, _, mask, (height, width) in _copied(
        data, names, out, problems, progress, skip_unlabelled=True
    ):
        assert mask is not None
        written.append(sample)
        content = files.setdefault(sample.split or UNASSIGNED, {"images": [], "annotations": []})
        number = len(written)
        image = {
            "id": number,
            "file_name": sample.image.relative_to(out / "images").as_posix(),
            "height": height,
            "width": width,
        }
        told = {"kind": sample.kind, "split": sample.split, "group": sample.group, "subset": sample.subset}
        content["images"].append(image | {key: value for key, value in told.items() if value is not None})
        found = annotate(mask, data.labels, image_id=number, first_id=identity)
        identity += len(found)
        content["annotations"] += found
    for split, content in files.items():
        about = {"description": f"{data.name}, converted by Flawscope"}
        target = out / "annotations" / f"instances_{split.replace('/', '_')}.json"
        write_json(target, {"info": about, **content, "categories": categories(data.labels)})
    return written
