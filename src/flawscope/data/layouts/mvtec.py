"""MVTec AD: good images to train on, good and defective ones to test."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.layouts.base import dataset, list_images, pair, subfolders
from flawscope.data.masks import Clean, MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData

_GOOD = "good"


def recognise(path: Path) -> str | None:
    """``train/good`` and ``test``, here or in a folder a category."""
    categories = _categories(path)
    if not categories:
        return None
    where = "" if categories == [path] else f" in {categories[0].name}/ and {len(categories) - 1} more"
    return f"folders train/good/ and test/{where}"


def read(path: Path) -> SegmentationData:
    """``train/good``, ``test/<type>`` and ``ground_truth/<type>/<stem>_mask.png``; defect above 127.

    One category or the folder of all of them; then the category is the subset. The type is the kind, and
    good images are clean.
    """
    categories = _categories(path) or [path]
    samples: list[Sample] = []
    problems: list[Problem] = []
    for category in categories:
        subset = None if category == path else category.name
        for split in ("train", "test"):
            for folder in subfolders(category / split):
                images = list_images(folder, recursive=False)
                if folder.name == _GOOD:
                    samples += [Sample("", image, Clean(), _GOOD, split, None, subset) for image in images]
                    continue
                truth = category / "ground_truth" / folder.name
                pairs, left = pair(images, folder, list_images(truth, recursive=False), truth, "_mask")
                problems += left
                for image, mask in pairs:
                    source = None if mask is None else MaskFile(mask)
                    samples.append(Sample("", image, source, folder.name, split, None, subset))
    return dataset("mvtec-ad", path, ("defect",), samples, problems)


def _categories(path: Path) -> list[Path]:
    if _is_category(path):
        return [path]
    return [folder for folder in subfolders(path) if _is_category(folder)]


def _is_category(path: Path) -> bool:
    return (path / "train" / _GOOD).is_dir() and (path / "test").is_dir()
