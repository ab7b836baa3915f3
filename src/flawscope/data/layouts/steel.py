"""Strip-steel sets: SD-saliency-900 and NEU-Seg."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.layouts.base import SPLIT_NAMES, dataset, has_images, list_images, pair
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample, SegmentationData

SD900_KINDS = {"In": "inclusion", "Pa": "patches", "Sc": "scratches"}
"""First part of a file name of SD-saliency-900, and the defect it means."""

NEU_SEG_LABELS = ("inclusion", "patches", "scratches")
"""Values 1, 2 and 3 of NEU-Seg's annotations; 0 is background."""


def recognise_sd900(path: Path) -> str | None:
    """Folders ``Source Images`` and ``Ground truth``."""
    if (path / "Source Images").is_dir() and (path / "Ground truth").is_dir():
        return "folders 'Source Images/' and 'Ground truth/'"
    return None


def read_sd900(path: Path) -> SegmentationData:
    """``Source Images/In_1.bmp`` with ``Ground truth/In_1.png``; defect above 127, the prefix is the kind."""
    images, masks = path / "Source Images", path / "Ground truth"
    pairs, problems = pair(list_images(images), images, list_images(masks), masks)
    samples = [
        Sample(
            name="",
            image=image,
            truth=None if mask is None else MaskFile(mask),
            kind=SD900_KINDS.get(image.stem.split("_")[0]),
        )
        for image, mask in pairs
    ]
    return dataset("sd-saliency-900", path, ("defect",), samples, problems)


def recognise_neu_seg(path: Path) -> str | None:
    """``images/training`` and ``annotations/training``, the latter with PNG files."""
    if has_images(path / "images" / "training") and has_images(path / "annotations" / "training", (".png",)):
        return "folders images/training/ and annotations/training/ with PNG annotations"
    return None


def read_neu_seg(path: Path) -> SegmentationData:
    """``images/{training,test}/*.jpg`` with ``annotations/{training,test}/*.png`` of class numbers 0 to 3.

    The official split leaks: most test images are copies or turns of training images.
    """
    values = {number: number for number in range(len(NEU_SEG_LABELS) + 1)}
    images, masks = path / "images", path / "annotations"
    pairs, problems = pair(list_images(images), images, list_images(masks), masks)
    samples = [
        Sample(
            name="",
            image=image,
            truth=None if mask is None else MaskFile(mask, values),
            split=SPLIT_NAMES.get(image.relative_to(images).parts[0].lower()),
        )
        for image, mask in pairs
    ]
    return dataset("neu-seg", path, NEU_SEG_LABELS, samples, problems)
