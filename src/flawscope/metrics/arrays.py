"""What the metrics take: soft maps and masks of one shape, checked once."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

SoftMap: TypeAlias = npt.NDArray[np.floating[Any]]
"""``(height, width)`` probabilities of "defect", 0 to 1."""

Binary: TypeAlias = npt.NDArray[np.bool_]
"""``(height, width)``, True on a defect."""

Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]


def as_soft(values: npt.ArrayLike) -> Floats:
    """A soft map as ``float64``; ``bool`` becomes 0 and 1.

    Raises:
        ValueError: not two-dimensional, empty, or with values that are not in 0 to 1 (NaN included). Integer
            maps must be divided by their white first.
    """
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"a soft map is a non-empty (height, width) array, not one of shape {array.shape}")
    soft = np.asarray(array, dtype=np.float64)
    if not (soft.min() >= 0.0 and soft.max() <= 1.0):
        raise ValueError("a soft map lies in 0 to 1; divide 8-bit maps by 255")
    return soft


def as_binary(values: npt.ArrayLike) -> Binary:
    """A mask as ``bool``: True where the value is not zero."""
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"a mask is a non-empty (height, width) array, not one of shape {array.shape}")
    return np.ascontiguousarray(array if array.dtype == np.bool_ else array != 0)


def same_shape(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> None:
    """Raise ValueError unless both have one shape."""
    if first.shape != second.shape:
        raise ValueError(f"prediction {first.shape} and truth {second.shape} differ in shape")


def min_max(soft: SoftMap) -> Floats:
    """The map stretched to 0 to 1, as saliency benchmarks do to every image; a constant map stays as it is."""
    low, high = float(soft.min()), float(soft.max())
    values = np.asarray(soft, dtype=np.float64)
    return values if high <= low else (values - low) / (high - low)


def distance_to(mask: Binary) -> npt.NDArray[np.float32]:
    """Exact Euclidean distance of each pixel to the nearest True one, in pixels; the mask must have one."""
    distance = cv2.distanceTransform(mask.view(np.uint8) ^ 1, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, dtype=np.float32)
