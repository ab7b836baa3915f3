"""Whether probabilities say how often they are right: reliability by bins, and the errors of calibration.

Pixels are sorted into :data:`BINS` bins of equal width by their probability. In a calibrated answer, the share of a
bin's pixels that truly is defect equals their mean probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.images import Mask, Probability
from flawscope.metrics.arrays import Floats
from flawscope.metrics.overlap import ratio

BINS = 15
"""Bin i holds i / 15 <= p < (i + 1) / 15, the last one 1 too."""

PART_NAMES = ("reliability_pixels", "reliability_probability", "reliability_true")
"""Pixels of each bin, the sum of their probabilities, and how many of them truly are defect."""


def reliability(probability: npt.NDArray[Any], truth: npt.NDArray[Any]) -> Floats:
    """``(3, 15)``, in the order of :data:`PART_NAMES`, of pixels in any shape.

    Args:
        probability: 0 to 1.
        truth: True on a defect, in the same shape.
    """
    values = np.asarray(probability, dtype=np.float64).ravel()
    places = np.minimum((values * BINS).astype(np.intp), BINS - 1)
    pixels = np.bincount(places, minlength=BINS)
    sums = np.bincount(places, weights=values, minlength=BINS)
    true = np.bincount(places[np.asarray(truth).ravel() != 0], minlength=BINS)
    return np.stack((pixels, sums, true)).astype(np.float64)


def reliability_shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the parts: any defect first, then every class."""
    return dict.fromkeys(PART_NAMES, (classes + 1, BINS))


def reliability_parts(probability: Probability, truth: Mask) -> dict[str, Floats]:
    """One image's contribution.

    Args:
        probability: ``(K, height, width)``.
        truth: ``(height, width)`` class numbers.
    """
    any_defect = reliability(np.minimum(probability.sum(axis=0), 1.0), truth)
    each = (
        [any_defect]
        if len(probability) == 1
        else [reliability(plane, truth == number) for number, plane in enumerate(probability, start=1)]
    )
    stacked = np.stack([any_defect, *each], axis=1)
    return dict(zip(PART_NAMES, stacked, strict=True))


def expected_calibration_error(totals: npt.NDArray[np.float64]) -> Floats:
    """The mean over pixels of how far their bin is off, ``(...)`` from totals ``(..., 3, 15)``.

    That is the sum over the bins of |pixels that are true - sum of probabilities|, over all pixels.
    """
    pixels, sums, true = np.moveaxis(totals, -2, 0)
    return ratio(np.abs(true - sums).sum(axis=-1), pixels.sum(axis=-1), empty=np.nan)


def maximum_calibration_error(totals: npt.NDArray[np.float64]) -> Floats:
    """How far the worst bin is off, among those that hold a pixel; ``(...)`` from totals ``(..., 3, 15)``."""
    pixels, sums, true = np.moveaxis(totals, -2, 0)
    worst: Floats = ratio(np.abs(true - sums), pixels, empty=0.0).max(axis=-1)
    return np.where(pixels.sum(axis=-1) > 0, worst, np.nan)


def stacked_totals(parts: Mapping[str, Floats]) -> Floats:
    """``(..., K + 1, 3, 15)`` from summed parts of a protocol."""
    return np.stack([parts[name] for name in PART_NAMES], axis=-2)


def diagram(totals: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    """Of each bin its pixels, mean probability and true share (NaN where it is empty), from ``(3, 15)``."""
    pixels, sums, true = totals
    return {
        "pixels": pixels.tolist(),
        "mean_probability": ratio(sums, pixels, empty=np.nan).tolist(),
        "true_share": ratio(true, pixels, empty=np.nan).tolist(),
    }
