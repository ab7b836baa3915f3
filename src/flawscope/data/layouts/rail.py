"""NRSD-MN: rails out of service, with man-made and natural defects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flawscope.data.layouts.base import SPLIT_NAMES, dataset, has_images, list_images, pair, subfolders
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.images import IMAGE_SUFFIXES

SUBSETS = {
    "man-made": "man-made",
    "manmade": "man-made",
    "man_made": "man-made",
    "natural": "natural",
}
"""Folder names (lower case) below a split, or first parts of file names, that tell the subset."""


def recognise(path: Path) -> str | None:
    """``images/training`` and ``annotations/training``, the latter with JPEG files."""
    images, annotations = path / "images" / "training", path / "annotations" / "training"
    if _holds(images, IMAGE_SUFFIXES) and _holds(annotations, (".jpg", ".jpeg")):
        return "folders images/training/ and annotations/training/ with JPEG annotations"
    return None


def _holds(folder: Path, suffixes: Iterable[str]) -> bool:
    """Whether images with one of ``suffixes`` lie in ``folder``, or in a subset's folder inside it."""
    subsets = [part for part in subfolders(folder) if part.name.lower() in SUBSETS]
    return any(has_images(part, suffixes) for part in (folder, *subsets))


def read(path: Path) -> SegmentationData:
    """``images/<split>/<stem>.png`` with ``annotations/<split>/<stem>.jpg``.

    JPEG blurs the borders of masks, so defect is above 127 and never "equal to 255". Where a folder below the
    split, or the first part of the file name, says man-made or natural, that is the subset, and the paper's
    headline is the mean over the two.
    """
    images, masks = path / "images", path / "annotations"
    pairs, problems = pair(list_images(images), images, list_images(masks), masks)
    samples = [
        Sample(
            name="",
            image=image,
            truth=None if mask is None else MaskFile(mask),
            split=SPLIT_NAMES.get(image.relative_to(images).parts[0].lower()),
            subset=_subset(image.relative_to(images)),
        )
        for image, mask in pairs
    ]
    return dataset("nrsd-mn", path, ("defect",), samples, problems)


def _subset(inside: Path) -> str | None:
    folders = [part.lower() for part in inside.parts[:-1]]
    named = next((SUBSETS[part] for part in folders if part in SUBSETS), None)
    return named or SUBSETS.get(inside.stem.lower().split("_")[0])
