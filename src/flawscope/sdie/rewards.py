"""What an episode is paid: the index of the papers, or how much of it the enhancement gained.

Every reward is built from an index I(t) of the segmentation of M_t against the true mask, 0 to 1:

* ``fb_iou``, ``iou``: I(t + 1) after the action of round t, as in Eq. 7 of the paper;
* ``fb_iou_gain``, ``iou_gain``: I(t + 1) - I(0), the level reached above the image as it came. An image that
  is easy and one that is hard then pay alike for the same help, and doing nothing pays 0;
* ``fb_iou_step``, ``iou_step``: I(t + 1) - I(t), the difference of a potential (Ng, Harada and Russell 1999).
  Undiscounted, the return is I(T) - I(0): only the last round counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from flawscope.errors import UsageError
from flawscope.metrics import masks_fb_iou, masks_iou
from flawscope.metrics.arrays import Binary

IndexName = Literal["fb_iou", "iou"]
RewardName = Literal["fb_iou", "iou", "fb_iou_gain", "iou_gain", "fb_iou_step", "iou_step"]

DEFAULT_REWARD: RewardName = "iou_gain"
"""That of the preset ``default``."""

INDICES: dict[IndexName, Callable[[Binary, Binary], float]] = {"fb_iou": masks_fb_iou, "iou": masks_iou}
"""Of two ``(height, width)`` ``bool`` masks, the answer and the truth, by the rule of ``flawscope.metrics``."""

REWARDS: dict[RewardName, tuple[IndexName, Literal["level", "gain", "step"]]] = {
    "fb_iou": ("fb_iou", "level"),
    "iou": ("iou", "level"),
    "fb_iou_gain": ("fb_iou", "gain"),
    "iou_gain": ("iou", "gain"),
    "fb_iou_step": ("fb_iou", "step"),
    "iou_step": ("iou", "step"),
}
"""Index and kind of each reward."""


def check_reward(name: str) -> RewardName:
    """The name, if there is such a reward; raises UsageError."""
    if name not in REWARDS:
        raise UsageError(
            f"no reward named '{name}'", where="reward", remedy=f"Choose one of: {', '.join(REWARDS)}"
        )
    return name


def pay(name: RewardName, reached: float, before: float, first: float) -> float:
    """The reward of one action.

    Args:
        name: see the module.
        reached: I(t + 1), after the action.
        before: I(t), before it.
        first: I(0), of the image as it came.
    """
    kind = REWARDS[name][1]
    return reached - {"level": 0.0, "gain": first, "step": before}[kind]
