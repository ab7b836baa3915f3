"""The plain layout: ``images/`` beside ``masks/``, for anybody's own data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flawscope.data.layouts.base import SPLIT_NAMES, dataset, list_images, pair, subfolders
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.data.values import Values, guess_values
from flawscope.errors import DataError

_IMAGES = ("images", "image", "imgs")
_MASKS = ("masks", "mask")


def recognise(path: Path) -> str | None:
    """Folders ``images`` and ``masks``, at the top or in each split's folder."""
    if not path.is_dir():
        return None
    if (both := _folders(path)) is not None and both[1] is not None:
        return f"folders {both[0].name}/ and {both[1].name}/"
    for part in subfolders(path):
        if part.name.lower() in SPLIT_NAMES and (both := _folders(part)) is not None and both[1] is not None:
            return f"folders {part.name}/{both[0].name}/ and {part.name}/{both[1].name}/"
    return None


def read(path: Path, values: Values | None = None) -> SegmentationData:
    """Read ``images/`` + ``masks/``, also with subfolders or inside ``train/``, ``val/``, ``test/``.

    A mask has the name of its image, with any image suffix, or with ``_mask`` after the stem. A first
    subfolder named after a split is the split (``images/train``); any other is the kind of its images
    (``images/scratches``). An image without mask is unlabelled; a mask without image is a problem. What mask
    values mean is found by looking (see :func:`flawscope.data.values.guess_values`), unless ``values`` says it.
    """
    places: list[tuple[str | None, tuple[Path, Path | None] | None]] = []
    if (top := _folders(path)) is not None:
        places.append((None, top))
    places += [
        (SPLIT_NAMES[part.name.lower()], _folders(part))
        for part in subfolders(path)
        if part.name.lower() in SPLIT_NAMES and _folders(part)
    ]
    if not places:
        raise DataError(
            "no folder images/ here", where=path, remedy="Put images into images/ and masks into masks/"
        )
    found: list[tuple[str | None, Path, Path, Path | None]] = []
    problems: list[Problem] = []
    for split, folders in places:
        assert folders is not None
        images, masks = folders
        pairs, left = pair(
            list_images(images), images, [] if masks is None else list_images(masks), masks or images, "_mask"
        )
        found += [(split, images, image, mask) for image, mask in pairs]
        problems += left
    if values is None:
        values = guess_values([mask for *_, mask in found if mask is not None])
    return dataset("plain", path, labels_for(values.classes), _samples(found, values), problems)


def labels_for(classes: int) -> tuple[str, ...]:
    """Names for classes that have none: ``defect``, or ``class1`` and so on."""
    return ("defect",) if classes <= 1 else tuple(f"class{number}" for number in range(1, classes + 1))


def _samples(found: Sequence[tuple[str | None, Path, Path, Path | None]], values: Values) -> list[Sample]:
    samples: list[Sample] = []
    for split, folder, image, mask in found:
        inside = list(image.relative_to(folder).parts[:-1])
        if split is None and inside and inside[0].lower() in SPLIT_NAMES:
            split = SPLIT_NAMES[inside.pop(0).lower()]
        truth = None if mask is None else MaskFile(mask, values.numbers, values.threshold)
        kind = "/".join(inside) or None
        samples.append(Sample(name="", image=image, truth=truth, kind=kind, split=split))
    return samples


def _folders(path: Path) -> tuple[Path, Path | None] | None:
    """The image folder and the mask folder of ``path``, whatever their case."""
    here = {folder.name.lower(): folder for folder in subfolders(path)}
    images = next((here[name] for name in _IMAGES if name in here), None)
    masks = next((here[name] for name in _MASKS if name in here), None)
    return None if images is None else (images, masks)
