"""Overlap of masks, counted in pixels: accuracy, recall, precision, IoU, Dice.

All of it starts from a confusion matrix ``(..., K + 1, K + 1)`` of pixel counts, rows true and columns answered,
class 0 the background. Adding the matrices of many images and then dividing gives the *pooled* figures;
dividing image by image and averaging gives the *image means*.

The rule for empty masks, for every figure of Flawscope:

* truth and answer both empty: IoU, Dice and their like are 1, for the answer is right;
* only one of them empty: IoU, Dice and their like are 0;
* recall without true pixels and precision without answered pixels are undefined (NaN); means leave them out
  and reports count them;
* in the mean over classes, a class that is neither in any truth nor in any answer is left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Counts, Floats, as_binary, same_shape


def confusion(answer: npt.ArrayLike, truth: npt.ArrayLike, classes: int = 1) -> Counts:
    """Pixel counts ``(K + 1, K + 1)``, row: true class, column: answered class.

    Args:
        answer: ``(height, width)`` class numbers, 0 background.
        truth: the same.
        classes: K.

    Raises:
        ValueError: shapes differ, or a class number is above K.
    """
    answered, true = np.asarray(answer), np.asarray(truth)
    same_shape(answered, true)
    if max(int(answered.max(initial=0)), int(true.max(initial=0))) > classes:
        raise ValueError(f"a mask holds a class number above {classes}")
    side = classes + 1
    joint = true.astype(np.intp) * side + answered
    return np.bincount(joint.ravel(), minlength=side * side).reshape(side, side).astype(np.int64)


def foreground(matrix: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    """``(..., 2, 2)``: the matrix with all defect classes counted as one."""
    merged = np.zeros((*matrix.shape[:-2], 2, 2), dtype=matrix.dtype)
    merged[..., 0, 0] = matrix[..., 0, 0]
    merged[..., 0, 1] = matrix[..., 0, 1:].sum(axis=-1)
    merged[..., 1, 0] = matrix[..., 1:, 0].sum(axis=-1)
    merged[..., 1, 1] = matrix[..., 1:, 1:].sum(axis=(-2, -1))
    return merged


def class_ious(matrix: npt.NDArray[np.number]) -> Floats:
    """IoU of each class, background first, ``(..., K + 1)``; NaN for a class that is nowhere."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(axis=-1) + matrix.sum(axis=-2) - hits
    return ratio(hits, union, empty=np.nan)


def pixel_accuracy(matrix: npt.NDArray[np.number]) -> Floats:
    """Share of pixels with the right class: Eq. 5 of the OCINet paper, for any number of classes."""
    return ratio(
        np.diagonal(matrix, axis1=-2, axis2=-1).sum(axis=-1), matrix.sum(axis=(-2, -1)), empty=np.nan
    )


def recall_fg(matrix: npt.NDArray[np.number]) -> Floats:
    """Share of the true defect pixels that were answered as some defect; NaN without any."""
    binary = foreground(matrix)
    return ratio(binary[..., 1, 1], binary[..., 1, :].sum(axis=-1), empty=np.nan)


def precision_fg(matrix: npt.NDArray[np.number]) -> Floats:
    """Share of the answered defect pixels that truly are some defect; NaN without any."""
    binary = foreground(matrix)
    return ratio(binary[..., 1, 1], binary[..., :, 1].sum(axis=-1), empty=np.nan)


def iou_fg(matrix: npt.NDArray[np.number]) -> Floats:
    """Intersection over union of "some defect"; 1 when both masks are empty."""
    binary = foreground(matrix)
    return ratio(binary[..., 1, 1], binary.sum(axis=(-2, -1)) - binary[..., 0, 0], empty=1.0)


def dice_fg(matrix: npt.NDArray[np.number]) -> Floats:
    """Twice the intersection over the sum of both areas; 1 when both masks are empty."""
    binary = foreground(matrix)
    both = binary[..., 1, :].sum(axis=-1) + binary[..., :, 1].sum(axis=-1)
    return ratio(2 * binary[..., 1, 1], both, empty=1.0)


def fb_iou(matrix: npt.NDArray[np.number]) -> Floats:
    """Mean of the IoUs of foreground and background, as few-shot papers report it.

    Either IoU is 1 where its class is neither true nor answered.
    """
    binary = foreground(matrix)
    background = ratio(binary[..., 0, 0], binary.sum(axis=(-2, -1)) - binary[..., 1, 1], empty=1.0)
    return (iou_fg(matrix) + background) / 2


def miou_classes(matrix: npt.NDArray[np.number]) -> Floats:
    """Mean IoU over the defect classes 1 to K (background not among them); classes that are nowhere left out.

    NaN when no class is anywhere.
    """
    ious = class_ious(matrix)[..., 1:]
    known = ~np.isnan(ious)
    return ratio(np.where(known, ious, 0.0).sum(axis=-1), known.sum(axis=-1), empty=np.nan)


def masks_iou(answer: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """IoU of two binary masks (non-zero is foreground); 1 when both are empty."""
    both, either, _ = _joint(answer, truth)
    return both / either if either else 1.0


def masks_fb_iou(answer: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean of the IoUs of foreground and background of two binary masks; either is 1 where it is nowhere."""
    both, either, pixels = _joint(answer, truth)
    neither, not_both = pixels - either, pixels - both
    foreground = both / either if either else 1.0
    background = neither / not_both if not_both else 1.0
    return (foreground + background) / 2


def masks_dice(answer: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Dice coefficient of two binary masks (non-zero is foreground); 1 when both are empty."""
    both, either, _ = _joint(answer, truth)
    return 2 * both / (both + either) if either else 1.0


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike, *, empty: float) -> Floats:
    """``part / whole``, and ``empty`` where ``whole`` is 0."""
    over, under = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.where(under > 0, over / np.where(under > 0, under, 1.0), empty)


def _joint(answer: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[int, int, int]:
    """Pixels in both binary masks, in either of them, and in all: what a confusion matrix says, 70 times as fast."""
    answered, true = as_binary(answer), as_binary(truth)
    same_shape(answered, true)
    return int(np.count_nonzero(answered & true)), int(np.count_nonzero(answered | true)), true.size
