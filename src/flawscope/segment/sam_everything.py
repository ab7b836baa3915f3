"""Segment everything, and what SDIE makes of it: the region with the most pixels is the background.

A grid of points prompts the decoder, and masks are kept by predicted IoU, stability and non-maximum suppression
(Kirillov et al. 2023). Suppression goes by the overlap of masks, not of their boxes: a background and a plate that
fills the image have the same box. Pixels of no mask are one more region, which may be the background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flawscope.errors import UsageError
from flawscope.images import Probability
from flawscope.segment.base import without_specks


@dataclass(frozen=True, slots=True)
class Everything:
    """How everything is segmented, named as in SAM's automatic mask generator.

    Attributes:
        points_per_side: of the grid; None for half as many as the embedding has cells, which is SAM's 32 at 1024 px.
        pred_iou_thresh: masks of a lower predicted IoU are dropped, 0 to 1.
        stability_score_thresh: and those of a lower stability score, 0 to 1.
        stability_score_offset: log-odds by which the threshold is moved to see how stable a mask is.
        nms_thresh: of two masks that overlap by more (IoU), the one of higher predicted IoU stays.
        min_area: pixels; smaller defects (8-connected) are removed.
    """

    points_per_side: int | None = None
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    nms_thresh: float = 0.7
    min_area: int = 20

    def __post_init__(self) -> None:
        if self.points_per_side is not None and self.points_per_side < 1:
            raise UsageError(f"points_per_side must be at least 1, not {self.points_per_side}", where="sam")


def point_grid(per_side: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """``(per_side ** 2, 2)`` of ``(x, y)`` in pixels, in the middles of equal cells, row by row."""
    steps = (np.arange(per_side) + 0.5) / per_side
    x, y = np.meshgrid(steps * width, steps * height)
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)


def stability(logits: Tensor, offset: float) -> Tensor:
    """``(n,)``: IoU of each of ``(n, h, w)`` masks cut at ``+offset`` and at ``-offset``; 0 when empty."""
    strict = (logits > offset).sum((-1, -2))
    lax = (logits > -offset).sum((-1, -2))
    return strict / lax.clamp(min=1)


def suppress(masks: Tensor, scores: Tensor, overlap: float) -> list[int]:
    """Indices of the masks to keep, best first: each overlaps every better one by an IoU of at most ``overlap``.

    Args:
        masks: ``(n, h, w)`` of bool.
        scores: ``(n,)``; the lower index wins a tie.
        overlap: 0 to 1.
    """
    if not len(masks):
        return []
    flat = masks.flatten(1).float()
    areas = flat.sum(1)
    common = flat @ flat.T
    iou = (common / (areas[:, None] + areas[None] - common).clamp(min=1)).cpu()
    kept: list[int] = []
    for index in torch.argsort(scores, descending=True, stable=True).tolist():
        if all(iou[index, better] <= overlap for better in kept):
            kept.append(index)
    return kept


def choose(logits: Tensor, quality: Tensor, settings: Everything) -> list[int]:
    """Which masks of ``(n, h, w)`` log-odds with ``(n,)`` predicted IoU stay, largest first."""
    good = (quality > settings.pred_iou_thresh) & (
        stability(logits, settings.stability_score_offset) > settings.stability_score_thresh
    )
    good &= (logits > 0).any(-1).any(-1)
    found = torch.nonzero(good).flatten()
    masks = logits[found] > 0
    kept = found[suppress(masks, quality[found], settings.nms_thresh)].tolist()
    return sorted(kept, key=lambda index: (-int((logits[index] > 0).sum()), index))


def foreground(
    count: int, mask: Callable[[int], npt.NDArray[np.float32]], shape: tuple[int, int]
) -> tuple[Probability, list[int]]:
    """The probability of lying outside the dominant region, and each mask's visible pixels.

    Masks are painted over each other in the order given; what shows of each, and what none covers, are the regions.
    With ``b`` the largest, the probability is the maximum of ``1 - p_b`` and ``p`` of all masks painted over ``b``;
    ``p_b`` is 1 when ``b`` is the uncovered rest. It is above one half exactly where another region shows.

    Args:
        count: number of masks.
        mask: gives mask ``i`` as ``(height, width)`` probabilities; called twice for each, so that only one is held.
        shape: ``(height, width)``.

    Returns:
        ``(1, height, width)``, and ``count`` numbers.
    """
    painted = np.zeros(shape, dtype=np.int32)
    for index in range(count):
        painted[mask(index) > 0.5] = index + 1
    visible = np.bincount(painted.ravel(), minlength=count + 1)
    background = int(visible.argmax())
    answer = np.zeros(shape, dtype=np.float32) if background == 0 else 1 - mask(background - 1)
    for index in range(background, count):
        np.maximum(answer, mask(index), out=answer)
    return answer[None], visible[1:].tolist()


def remove_specks(probability: Probability, min_area: int) -> Probability:
    """0 on defects (8-connected, above one half) of fewer than ``min_area`` pixels; the rest as it was."""
    mask = (probability[0] > 0.5).astype(np.uint8)
    specks = mask != without_specks(mask, min_area)
    return np.where(specks[None], np.float32(0), probability)


def visible_quality(quality: Sequence[float], visible: Sequence[int]) -> float | None:
    """The mean predicted IoU of the masks, weighted by what shows of them; None when nothing does."""
    if not sum(visible):
        return None
    return float(np.average(np.clip(quality, 0.0, 1.0), weights=visible))
