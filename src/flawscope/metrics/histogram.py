"""Counts at all 256 thresholds of saliency benchmarks, from one histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Counts, Floats, as_binary, as_soft, same_shape

LEVELS = 256


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """How many pixels reach each of the levels 0 to 255, ``floor(255 p) >= level``.

    Attributes:
        hits: ``(256,)``, of the true pixels.
        answered: ``(256,)``, of all pixels.
        true: true pixels.
        pixels: all pixels.
    """

    hits: Counts
    answered: Counts
    true: int
    pixels: int


def level_counts(prediction: npt.ArrayLike, truth: npt.ArrayLike) -> LevelCounts:
    """Counts for a soft map ``(height, width)`` in 0 to 1 and a mask."""
    soft, true = as_soft(prediction), as_binary(truth)
    same_shape(soft, true)
    joint = (soft * 255).astype(np.intp)
    joint += true.view(np.uint8) * np.intp(LEVELS)
    outside, inside = np.bincount(joint.ravel(), minlength=2 * LEVELS).reshape(2, LEVELS)
    hits = inside[::-1].cumsum()[::-1]
    answered = hits + outside[::-1].cumsum()[::-1]
    return LevelCounts(hits=hits, answered=answered, true=int(hits[0]), pixels=int(soft.size))


def counts_above(prediction: npt.ArrayLike, truth: npt.ArrayLike, threshold: float) -> tuple[int, int]:
    """Hits and answered pixels where the map is at least ``threshold``."""
    answered = np.asarray(prediction) >= threshold
    return int(np.count_nonzero(answered & as_binary(truth))), int(np.count_nonzero(answered))


def adaptive_threshold(soft: Floats) -> float:
    """Twice the mean of the map, at most 1 (Achanta et al., CVPR 2009)."""
    return min(2 * float(soft.mean()), 1.0)
