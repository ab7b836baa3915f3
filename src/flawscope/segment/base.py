"""The one protocol: everything that turns an image into a mask is a Segmenter."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.images import Image, Mask, Probability, check_image
from flawscope.results import InspectionResult, find_defects

Binarize = Literal["threshold", "otsu"]


@dataclass(frozen=True, slots=True)
class Prompts:
    """Hints for promptable segmenters, in pixels of the original image; others ignore them.

    Attributes:
        points: ``(n, 2)`` of ``(x, y)``.
        point_labels: ``(n,)``, 1 on the defect, 0 on the background.
        boxes: ``(m, 4)`` of ``(x, y, width, height)``.
        mask: ``(height, width)`` a rough mask, 0 to 1.
    """

    points: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    point_labels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    boxes: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    mask: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a segmenter saw, before any threshold.

    Attributes:
        probability: ``(K, height, width)`` ``float32`` in 0 to 1, at the size of the image given.
        quality: the segmenter's own estimate of its IoU, 0 to 1, where it makes one.
        evidence: ``(height, width)`` ``float32``, 0 to 1: where something other than the segmenter itself expects
            defects, such as the likeness to labelled images that it was prompted with.
    """

    probability: Probability
    quality: float | None = None
    evidence: npt.NDArray[np.float32] | None = None


@runtime_checkable
class Segmenter(Protocol):
    """Image in, probabilities out."""

    @property
    def name(self) -> str:
        """What to call it in results and tables."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of classes 1 to K."""
        ...

    @property
    def threshold(self) -> float:
        """The probability above which a pixel is a defect, unless the caller says otherwise."""
        ...

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """Probabilities for an image in the convention of ``flawscope.images``."""
        ...


def binarize(probability: Probability, threshold: float = 0.5, method: Binarize = "threshold") -> Mask:
    """Class numbers from probabilities.

    One class: 1 where the probability exceeds ``threshold``, or, with ``"otsu"``, where the min-max scaled
    8-bit map exceeds Otsu's threshold, as in the published OCINet evaluation. Otsu finds a "defect" in every
    map that is not constant, a clean image included. Several classes: the likeliest class where the
    probability of any defect (their sum) exceeds ``threshold``; Otsu is taken of that sum.
    """
    any_defect = probability[0] if len(probability) == 1 else probability.sum(axis=0)
    foreground = otsu(any_defect) if method == "otsu" else any_defect > threshold
    if len(probability) == 1:
        return foreground.astype(np.uint8)
    return np.where(foreground, probability.argmax(axis=0) + 1, 0).astype(np.uint8)


def otsu(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Foreground by min-max scaling to 8 bits and Otsu's threshold; a constant map has none."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(values.shape, dtype=bool)
    scaled = np.rint((values - low) * (255.0 / (high - low))).astype(np.uint8)
    level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(scaled > level)


def predict(
    segmenter: Segmenter,
    image: Image,
    *,
    source: str = "array",
    threshold: float | None = None,
    method: Binarize = "threshold",
    min_area: int = 1,
    keep_probability: bool = True,
) -> InspectionResult:
    """Run a segmenter on one image and list the defects.

    Args:
        segmenter: any.
        image: any array that ``flawscope.images.check_image`` accepts.
        source: what to call the image in the result.
        threshold: instead of the segmenter's own.
        method: fixed threshold, or Otsu as in the paper.
        min_area: regions of fewer pixels are removed from mask and list.
        keep_probability: False saves memory.
    """
    started = time.perf_counter()
    image = check_image(image, where=source)
    probability = segmenter.segment(image).probability
    level = segmenter.threshold if threshold is None else threshold
    mask = binarize(probability, level, method)
    if min_area > 1:
        mask = without_specks(mask, min_area)
    defects = find_defects(mask, segmenter.labels, probability)
    return InspectionResult(
        source=source,
        mask=mask,
        labels=segmenter.labels,
        defects=defects,
        threshold=None if method == "otsu" else level,
        probability=probability if keep_probability else None,
        seconds=time.perf_counter() - started,
        weights=segmenter.name,
    )


def without_specks(mask: Mask, min_area: int) -> Mask:
    """The mask without connected regions (8 neighbours, one class) of fewer than ``min_area`` pixels."""
    kept = mask.copy()
    for number in np.unique(mask[mask > 0]):
        _, numbered, stats, _ = cv2.connectedComponentsWithStats(
            (mask == number).astype(np.uint8), connectivity=8
        )
        small = stats[:, cv2.CC_STAT_AREA] < min_area
        small[0] = False
        kept[small[numbered]] = 0
    return kept
