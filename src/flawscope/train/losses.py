"""The hybrid loss of OCINet: cross-entropy plus soft IoU on each of the four maps.

Source: OCINet, Eqs. 1 to 4. Eq. 3 writes a sum over pixels; the published training uses the mean, and so
does this. Eq. 4 is a constant without gradient where an image has none of a class; there the term is
defined as 0. That leaves clean images to cross-entropy, whose mean over pixels hardly notices a false alarm of
fifty; so a clean image may be given a term of its own, see :func:`false_alarm`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVEL_WEIGHTS = (1.0, 1.0, 0.5, 0.25)
"""Weights of S1 to S4, finest first (Eq. 1)."""


def edge_weights(target: Tensor, extra: float) -> Tensor:
    """How much each pixel counts: 1 far from every border, up to ``1 + extra`` beside one.

    The difference between a pixel and the mean of its neighbourhood, about a twelfth of the image wide (F3Net, Wei
    et al., 2020).

    Args:
        target: ``(b, K, h, w)`` in 0 to 1.
        extra: 0 or more.

    Returns:
        ``(b, 1, h, w)``.
    """
    defect = target.sum(dim=1, keepdim=True).clamp(0, 1)
    reach = max(1, min(target.shape[-2:]) // 24)
    near = F.avg_pool2d(defect, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return 1 + extra * (defect - near).abs()


def pixel_cross_entropy(
    logits: Tensor, target: Tensor, class_weights: Tensor | None = None, pixels: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy over pixels, against soft targets.

    Args:
        logits: ``(b, 1, h, w)`` for one class, ``(b, K + 1, h, w)`` for K, background first.
        target: ``(b, K, h, w)`` in 0 to 1; what is missing to 1 is background.
        class_weights: ``(K + 1,)``, background first; a pixel weighs as its classes do.
        pixels: ``(b, 1, h, w)`` weights of :func:`edge_weights`; None for equal ones.
    """
    if logits.shape[1] == 1:
        losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        if class_weights is not None:
            losses = losses * (class_weights[0] + (class_weights[1] - class_weights[0]) * target)
    else:
        losses = F.cross_entropy(logits, with_background(target), weight=class_weights, reduction="none")[
            :, None
        ]
    return losses.mean() if pixels is None else (pixels * losses).sum() / pixels.sum()


def soft_iou(
    logits: Tensor, target: Tensor, pixels: Tensor | None = None, *, logarithm: bool = False
) -> Tensor:
    """One minus the soft IoU of Eq. 4, for each image and defect class, then their mean.

    Shapes as in :func:`pixel_cross_entropy`. Classes absent from an image count 0 for that image.

    Args:
        logits, target, pixels: see there.
        logarithm: minus the logarithm of the soft IoU instead, smoothed by a pixel. Where a defect of A pixels is
            answered with p nearly 0, Eq. 4 pulls with about p in all, the logarithm with A p / (A p + 1); and images
            answered badly count more (compare Wong et al., 2018: 3D Segmentation with Exponential Logarithmic Loss).
    """
    probability = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)[:, 1:]
    both, either = probability * target, probability + target - probability * target
    if pixels is not None:
        both, either = both * pixels, either * pixels
    intersection, union = both.sum(dim=(2, 3)), either.sum(dim=(2, 3))
    present = target.sum(dim=(2, 3)) > 0
    plain = 1 - intersection / union.clamp_min(1e-6)
    losses = torch.log((union + 1) / (intersection + 1)) if logarithm else plain
    return torch.where(present, losses, torch.zeros_like(union)).mean()


def false_alarm(logits: Tensor, target: Tensor, share: float) -> Tensor:
    """What clean images cost: ``a / (a + share * pixels)`` with ``a`` the soft area of any defect, 0 for others.

    It is Eq. 4 smoothed by ``share`` of the image's pixels, and half when the answer covers that share. Ours; the
    paper's data has no clean images. Shapes as in :func:`pixel_cross_entropy`; the mean over all images.
    """
    defect = logits.sigmoid() if logits.shape[1] == 1 else 1 - logits.softmax(dim=1)[:, :1]
    area = defect.sum(dim=(1, 2, 3))
    clean = target.sum(dim=(1, 2, 3)) == 0
    pixels = target.shape[-2] * target.shape[-1]
    return torch.where(clean, area / (area + share * pixels), torch.zeros_like(area)).mean()


def with_background(target: Tensor) -> Tensor:
    """``(b, K, h, w)`` soft class maps to ``(b, K + 1, h, w)`` distributions, background first."""
    background = (1 - target.sum(dim=1, keepdim=True)).clamp(0, 1)
    distribution = torch.cat([background, target], dim=1)
    return distribution / distribution.sum(dim=1, keepdim=True).clamp_min(1e-6)


class HybridLoss(nn.Module):
    """Weighted sum over the maps of cross-entropy plus soft IoU (Eqs. 1 and 2).

    Args:
        class_weights: K + 1 numbers, background first, or None for equal weights.
        clean_share: of :func:`false_alarm`; None leaves that term out, as the paper does.
        level_weights: one a map, finest first.
        edge_weight: of :func:`edge_weights`, in both terms; None counts all pixels alike, as the paper does.
        cross_entropy: weight of the cross-entropy beside the soft IoU; 1 in the paper. Less makes sharper maps.
        log_iou: the logarithm of the soft IoU, see :func:`soft_iou`; not in the paper.
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        clean_share: float | None = None,
        level_weights: Sequence[float] = LEVEL_WEIGHTS,
        edge_weight: float | None = None,
        cross_entropy: float = 1.0,
        log_iou: bool = False,
    ) -> None:
        super().__init__()
        self.log_iou = log_iou
        self.cross_entropy = cross_entropy
        self.class_weights: Tensor | None
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self.clean_share = clean_share
        self.level_weights = tuple(level_weights)
        self.edge_weight = edge_weight

    def forward(self, maps: Sequence[Tensor], target: Tensor) -> Tensor:
        """The total loss, a scalar; maps and target have one height and width.

        A network with fewer maps than there are weights takes the first of them.
        """
        total = target.new_zeros(())
        pixels = None if self.edge_weight is None else edge_weights(target, self.edge_weight)
        for weight, logits in zip(self.level_weights[: len(maps)], maps, strict=True):
            logits = logits.float()  # sums over pixels overflow in half precision
            level = self.cross_entropy * pixel_cross_entropy(logits, target, self.class_weights, pixels)
            level = level + soft_iou(logits, target, pixels, logarithm=self.log_iou)
            if self.clean_share is not None:
                level = level + false_alarm(logits, target, self.clean_share)
            total = total + weight * level
        return total
