"""Figures at every threshold from 0.01 to 0.99, from one pass over the images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Binary, Floats
from flawscope.metrics.overlap import ratio

THRESHOLDS: Floats = np.arange(1, 100) / 100
"""0.01 to 0.99."""

CURVE_PARTS: dict[str, tuple[int, ...]] = {
    f"curve_{name}": THRESHOLDS.shape for name in ("hits", "answered", "iou", "dice", "escaped", "overkilled")
} | {"curve_true": ()}

_EDGES = THRESHOLDS.astype(np.float32)


def curve_parts(soft: npt.NDArray[np.float32], truth: Binary, min_reject_area: int = 1) -> dict[str, object]:
    """One image's contribution: pixels above each threshold, its IoU and Dice, and its verdicts.

    Args:
        soft: ``(height, width)`` probability of any defect.
        truth: ``(height, width)``.
        min_reject_area: pixels above the threshold from which on an image is rejected.
    """
    # a pixel exceeds as many thresholds as lie below it
    exceeded = np.searchsorted(_EDGES, soft.ravel(), side="left")
    joint = np.bincount(exceeded + truth.ravel() * 100, minlength=200).reshape(2, 100)
    above = joint[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    hits, answered, true = above[1], above.sum(axis=0), int(joint[1].sum())
    rejected = answered >= min_reject_area
    return {
        "curve_hits": hits,
        "curve_answered": answered,
        "curve_true": true,
        "curve_iou": ratio(hits, answered + true - hits, empty=1.0),
        "curve_dice": ratio(2 * hits, answered + true, empty=1.0),
        "curve_escaped": ~rejected if true else np.zeros_like(rejected),
        "curve_overkilled": np.zeros_like(rejected) if true else rejected,
    }


def curve(parts: Mapping[str, Floats]) -> dict[str, Floats]:
    """Figures at each of :data:`THRESHOLDS`, ``(..., 99)``, from summed parts.

    Args:
        parts: the summed parts, with ``images``, ``defective`` and ``clean`` beside those of this module.
    """
    hits, answered = parts["curve_hits"], parts["curve_answered"]
    true = parts["curve_true"][..., None]
    images, defective, clean = (parts[name][..., None] for name in ("images", "defective", "clean"))
    return {
        "iou_fg_image_mean": ratio(parts["curve_iou"], images, empty=np.nan),
        "dice_fg_image_mean": ratio(parts["curve_dice"], images, empty=np.nan),
        "iou_fg_pooled": ratio(hits, answered + true - hits, empty=1.0),
        "recall_fg": ratio(hits, np.broadcast_to(true, hits.shape), empty=np.nan),
        "precision_fg": ratio(hits, answered, empty=np.nan),
        "escape_rate": ratio(parts["curve_escaped"], defective, empty=np.nan),
        "overkill_rate": ratio(parts["curve_overkilled"], clean, empty=np.nan),
    }


def best_threshold(ious: npt.NDArray[np.float64], *, within: float = 0.001) -> float:
    """The middle of the thresholds whose IoU is ``within`` of the best, for it barely matters which.

    Args:
        ious: ``(99,)``, one for each of :data:`THRESHOLDS`.
        within: how much less than the best still counts as good.
    """
    good = np.flatnonzero(ious >= ious.max() - within)
    return float(THRESHOLDS[good[len(good) // 2]])
