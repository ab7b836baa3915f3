"""What a layout is, and what all readers of folders share: listing, pairing and naming files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.images import IMAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of arranging a dataset on disk.

    Attributes:
        read: folder (or annotation file) to dataset.
        recognise: what it saw that speaks for this layout, as a phrase; None if it is not this one.
        description: the arrangement, in one line.
        values: what the values of its masks mean.
        source: where datasets of this layout come from.
    """

    read: Callable[[Path], SegmentationData]
    recognise: Callable[[Path], str | None]
    description: str
    values: str
    source: str


SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""Folder names (lower case) that mean a split, and the name it gets."""


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """Image files under ``folder`` in a fixed order; hidden files and ``__MACOSX`` are passed over."""
    if not folder.is_dir():
        return []
    found = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(
        (file for file in found if file.suffix.lower() in IMAGE_SUFFIXES and _visible(file, folder)),
        key=lambda file: file.as_posix(),
    )


def has_images(folder: Path, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> bool:
    """Whether ``folder`` directly holds a file with one of ``suffixes`` (lower case)."""
    wanted = frozenset(suffixes)
    return folder.is_dir() and any(
        file.suffix.lower() in wanted and not file.name.startswith(".") for file in folder.iterdir()
    )


def subfolders(folder: Path) -> list[Path]:
    """Visible folders directly inside ``folder``, by name; none when it is not a folder."""
    if not folder.is_dir():
        return []
    return sorted(item for item in folder.iterdir() if item.is_dir() and _visible(item, folder))


def _visible(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def stem_key(file: Path, folder: Path) -> str:
    """The path below ``folder`` without suffix, with forward slashes: what pairs an image with its mask."""
    return file.relative_to(folder).with_suffix("").as_posix()


def pair(
    images: Sequence[Path], image_folder: Path, masks: Sequence[Path], mask_folder: Path, ending: str = ""
) -> tuple[list[tuple[Path, Path | None]], list[Problem]]:
    """Match images and masks of the same relative name; suffixes may differ.

    Args:
        images: files below ``image_folder``.
        image_folder: where relative names of images start.
        masks: files below ``mask_folder``.
        mask_folder: where relative names of masks start.
        ending: what mask names may carry after the image's name, such as ``"_mask"``.

    Returns:
        Every image with its mask or None, and what is left over or doubled.
    """
    problems: list[Problem] = []
    by_key: dict[str, Path] = {}
    for mask in masks:
        key = stem_key(mask, mask_folder)
        if key in by_key:
            problems.append(Problem(mask, f"a second mask of the same name as {by_key[key].name}; not used"))
        else:
            by_key[key] = mask
    pairs: list[tuple[Path, Path | None]] = []
    used: set[str] = set()
    for image in images:
        key = stem_key(image, image_folder)
        key = f"{key}{ending}" if ending and f"{key}{ending}" in by_key else key
        pairs.append((image, by_key.get(key)))
        used.add(key)
    problems += [Problem(mask, "a mask without an image") for key, mask in by_key.items() if key not in used]
    return pairs, problems


def dataset(
    layout: str,
    root: Path,
    labels: Sequence[str],
    samples: Iterable[Sample],
    problems: Iterable[Problem] = (),
) -> SegmentationData:
    """A dataset whose samples are named by their paths below ``root``.

    Samples come in with an empty name; two images that differ in suffix alone keep it in their name.

    Raises:
        DataError: there is no image at all, or there are more classes than a mask can number.
    """
    listed, problems = list(samples), list(problems)
    if not listed:
        reason = f" ({problems[0].what})" if problems else ""
        raise DataError(
            f"no images found for the layout '{layout}'{reason}",
            where=root,
            remedy="'flawscope data list' shows what each layout looks like",
        )
    if len(labels) > 255:
        raise DataError(f"{len(labels)} classes, but a mask can number 255", where=root)
    short = [_relative(sample.image, root).with_suffix("").as_posix() for sample in listed]
    counts = Counter(short)
    named = tuple(
        replace(sample, name=name if counts[name] == 1 else _relative(sample.image, root).as_posix())
        for sample, name in zip(listed, short, strict=True)
    )
    return SegmentationData(
        name=root.resolve().name,
        root=root,
        labels=tuple(labels),
        samples=named,
        layout=layout,
        problems=tuple(problems),
    )


def _relative(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else Path(*file.parts[-2:])
