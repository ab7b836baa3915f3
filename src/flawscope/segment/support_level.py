"""Where to cut a map of logits, chosen on images that the map was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEVELS = np.arange(-2.0, 10.01, 0.5)
"""Logits to choose from."""

UNJUDGED_LEVEL = 1.0
"""For a model of a single image, where nothing is left to choose it on.

Of 0, 1, 2 and 3 the best mean IoU of maps from one support, on four classes of defect; a choice by halves of the
image was no better."""

Judged = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]
"""Logits and truth of the same pixels."""


def choose_level(judged: Sequence[Judged]) -> float:
    """The level with the highest mean IoU of ``logits > level``, averaged over a level and its two neighbours.

    The lowest of equals. At the ends of :data:`LEVELS` the missing neighbour counts as the end itself.

    Args:
        judged: one or more images, with logits from a model that has not seen them.
    """
    curve = np.mean([iou_by_level(logits, truth) for logits, truth in judged], axis=0)
    smooth = np.convolve(np.pad(curve, 1, "edge"), np.full(3, 1 / 3), "valid")
    return float(LEVELS[smooth.argmax()])


def iou_by_level(logits: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """IoU of ``logits > level`` with ``truth`` for each of :data:`LEVELS`; 1 where both are empty."""
    inside, outside = (np.sort(logits[chosen]) for chosen in (truth, ~truth))
    hit = len(inside) - np.searchsorted(inside, LEVELS, side="right")
    union = len(inside) + len(outside) - np.searchsorted(outside, LEVELS, side="right")
    return np.where(union > 0, hit / np.maximum(union, 1), 1.0)
