"""One sample under the glass: everything ``data check`` knows about it, and no exception whatever it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data.likeness import Likeness, likeness
from flawscope.data.masks import Clean, MaskFile, MaskSource
from flawscope.data.samples import Sample
from flawscope.errors import FlawscopeError
from flawscope.images import read_label_image

Encoding = Literal["black", "0/1", "0/255", "fringed", "class numbers", "other"]

THUMB = 32
"""Side in pixels of the mask's outline kept for comparing the masks of copies."""

_BLACK_OR_WHITE = 24  # grey levels from black or white that a lossy file makes of them
_MANY = 32  # more values than this are shades, not classes
_STRAY = 1e-3  # a smaller share of the mask than this is a stray mark, whatever its value


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the image file holds.

    Attributes:
        height: pixels.
        width: pixels.
        depth: ``"uint8"``, ``"uint16"`` or ``"float32"``.
        colour: whether the channels differ.
        brightest: largest stored value.
        likeness: for the search for copies.
    """

    height: int
    width: int
    depth: str
    colour: bool
    brightest: float
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """What the mask file stores, and what it is read as.

    Attributes:
        encoding: of the stored values; None when the truth is no mask file.
        values: up to 12 stored values, smallest first.
        between: share of pixels that are neither 0 nor 255, of masks read by a threshold.
        size: stored ``(height, width)``; None when the truth is no mask file.
        lost: marks stored but read as background everywhere.
        pixels: pixels of each class as read, background first; None when it cannot be read.
        thumb: ``(THUMB, THUMB)`` share of foreground; None when it cannot be read.
        error: why it cannot be read with its image.
    """

    encoding: Encoding | None = None
    values: tuple[int, ...] = ()
    between: float = 0.0
    size: tuple[int, int] | None = None
    lost: bool = False
    pixels: tuple[int, ...] | None = None
    thumb: npt.NDArray[np.float32] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A sample examined.

    Attributes:
        image: None when the image cannot be read.
        image_error: why.
        mask: None when the sample is not labelled.
    """

    image: ImageFacts | None
    image_error: str | None
    mask: MaskFacts | None


def examine(sample: Sample, classes: int) -> Facts:
    """Read everything a sample has; whatever fails becomes a fact.

    Args:
        sample: the sample.
        classes: number of the dataset's classes.
    """
    image: ImageFacts | None = None
    image_error: str | None = None
    try:
        image = _image_facts(sample)
    except (FlawscopeError, OSError, MemoryError) as error:
        image_error = _reason(error, str(sample.image))
    mask = None if sample.truth is None else _mask_facts(sample.truth, image, classes)
    return Facts(image, image_error, mask)


def mask_file(truth: MaskSource | None) -> MaskFile | None:
    """The mask file behind a truth, through whatever is wrapped around it."""
    while truth is not None and not isinstance(truth, MaskFile):
        truth = getattr(truth, "source", None)
    return truth


def _image_facts(sample: Sample) -> ImageFacts:
    pixels = sample.read_image()
    colour = not bool(
        np.array_equal(pixels[:, :, 0], pixels[:, :, 1]) and np.array_equal(pixels[:, :, 0], pixels[:, :, 2])
    )
    height, width = pixels.shape[:2]
    return ImageFacts(height, width, str(pixels.dtype), colour, float(pixels.max()), likeness(pixels))


def _values(stored: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """The different values and how often each occurs; of bytes without sorting them."""
    if stored.dtype != np.uint8:
        return np.unique(stored, return_counts=True)
    counts = np.bincount(stored.ravel(), minlength=256)
    return np.flatnonzero(counts).astype(np.uint8), counts[counts > 0]


def _mask_facts(truth: MaskSource, image: ImageFacts | None, classes: int) -> MaskFacts:
    file = mask_file(truth)
    encoding: Encoding | None = None
    values: tuple[int, ...] = ()
    between = 0.0
    size: tuple[int, int] | None = None
    marked = False
    if file is not None:
        try:
            stored = read_label_image(file.path)
        except (FlawscopeError, OSError, MemoryError) as error:
            return MaskFacts(error=_reason(error, str(file.path)))
        size = (int(stored.shape[0]), int(stored.shape[1]))
        unique, counts = _values(stored)
        encoding = _encoding(unique, counts, file.values)
        values = tuple(int(value) for value in unique[:12])
        if file.values is None:
            between = float(counts[(unique != 0) & (unique != 255)].sum() / stored.size)
        marked = bool(unique[-1] > 0) and not (
            file.values is not None and _all_background(unique, file.values)
        )
    shape = size if image is None else (image.height, image.width)
    if shape is None:
        return MaskFacts()
    try:
        mask = truth.read(*shape)
    except (FlawscopeError, OSError, MemoryError) as error:
        return MaskFacts(encoding, values, between, size, error=_reason(error, str(truth.path)))
    pixels = np.bincount(mask.ravel(), minlength=classes + 1)
    lost = marked and not mask.any() and not isinstance(truth, Clean)
    foreground = (mask > 0).astype(np.float32)
    thumb = np.asarray(cv2.resize(foreground, (THUMB, THUMB), interpolation=cv2.INTER_AREA), dtype=np.float32)
    counted = tuple(int(count) for count in pixels)
    return MaskFacts(encoding, values, between, size, lost, counted, thumb)


def _encoding(
    unique: npt.NDArray[np.generic], counts: npt.NDArray[np.intp], values: Mapping[int, int] | None
) -> Encoding:
    seen = {int(value) for value in unique}
    if seen == {0}:
        return "black"
    if values is not None:
        return "class numbers"
    if seen <= {0, 255}:
        return "0/255"
    if seen <= {0, 1}:
        return "0/1"
    shades = max(seen) >= 255 - _BLACK_OR_WHITE or len(seen) > _MANY
    strays = counts[unique != 0].sum() < _STRAY * counts.sum()
    return "fringed" if shades or strays else "other"


def _all_background(unique: npt.NDArray[np.generic], values: Mapping[int, int]) -> bool:
    return all(values.get(int(value), 1) == 0 for value in unique)


def _reason(error: BaseException, path: str) -> str:
    """The error without the path in front, which the report shows anyway."""
    text = "not enough memory" if isinstance(error, MemoryError) else " ".join(str(error).split())
    return text.removeprefix(f"{path}: ")
