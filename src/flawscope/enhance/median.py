"""The median filter."""

from __future__ import annotations

import cv2
import numpy as np

from flawscope.enhance.limits import KERNEL_SIZE, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"kernel_size": KERNEL_SIZE}

_LARGEST_FOR_FLOATS = 5
"""OpenCV's largest window for floats; beyond it takes 8 bits only."""


def median(plane: Plane, kernel_size: int = 7) -> Plane:
    """The median of near pixels: single bright and dark pixels go, edges stay.

    Exact for windows of 3 and 5. For larger ones the plane is cut into 256 levels between its own extremes
    first, an error of at most half a level (1/510 or less), because the exact median of floats takes twenty
    times as long.

    Args:
        plane: ``(h, w)`` luminance.
        kernel_size: side of the window in pixels, odd, 1 to 31.

    Returns:
        ``(h, w)``. Border pixels are repeated outwards.

    Raises:
        UsageError: a parameter out of range.
    """
    check("median", LIMITS, kernel_size=kernel_size)
    if kernel_size <= _LARGEST_FOR_FLOATS:
        return plane.copy() if kernel_size == 1 else np.asarray(cv2.medianBlur(plane, int(kernel_size)))
    lowest = plane.min()
    span = plane.max() - lowest
    if span <= 0:
        return plane.copy()
    levels = np.rint((plane - lowest) * (np.float32(255) / span)).astype(np.uint8)
    found = cv2.medianBlur(levels, int(kernel_size)).astype(np.float32)
    return clip(lowest + found * (span / np.float32(255)))
