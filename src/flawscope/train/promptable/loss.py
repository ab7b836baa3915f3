"""What a promptable model is taught: the clear mask, the best of the ambiguous ones, and how good each is.

The best of three takes the gradient, as in SAM (Kirillov et al. 2023); a small share goes to all of them, so that
none is left without any. Cross-entropy and Dice stand where SAM has focal loss and Dice.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_ALL = 0.05


def promptable_loss(logits: Tensor, quality: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """The mean over prompts.

    Args:
        logits: ``(n, 4, a, a)``, the clear mask first.
        quality: ``(n, 4)`` the IoU that the model expects.
        target: ``(n, a, a)`` in 0 to 1.
        inside: ``(n, a, a)`` 1 on the image and 0 on padding, which is not judged.
    """
    logits = logits.float()
    errors = mask_error(logits, target, inside)
    ambiguous = errors[:, 1:]
    masks = errors[:, 0] + ambiguous.min(dim=1).values + _ALL * ambiguous.mean(dim=1)
    honesty = F.mse_loss(quality.float(), hard_iou(logits.detach(), target, inside))
    return masks.mean() + honesty


def mask_error(logits: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """``(n, k)``: mean cross-entropy over the image's pixels, plus one minus the soft Dice coefficient."""
    wanted = target.unsqueeze(1).expand_as(logits)
    weight = inside.unsqueeze(1)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight
    entropy = entropy.sum(dim=(2, 3)) / weight.sum(dim=(2, 3))
    found = logits.sigmoid() * weight
    shared = (found * wanted).sum(dim=(2, 3))
    dice = (2 * shared + 1) / (found.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3)) + 1)
    return entropy + 1 - dice


def hard_iou(logits: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """``(n, k)`` IoU of the masks where the logit is positive; 0 where neither has a pixel."""
    weight = inside.unsqueeze(1)
    found, wanted = (logits > 0) * weight, (target > 0.5).unsqueeze(1) * weight
    shared = (found * wanted).sum(dim=(2, 3))
    union = torch.maximum(found, wanted).sum(dim=(2, 3))
    return shared / union.clamp_min(1)
