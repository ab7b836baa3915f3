"""The Gaussian blur, alone and inside sharpening."""

from __future__ import annotations

import cv2

from flawscope.enhance.limits import KERNEL_SIZE, Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"kernel_size": KERNEL_SIZE, "sigma": Limit(0, 100)}


def gaussian(plane: Plane, kernel_size: int = 7, sigma: float = 0.0) -> Plane:
    """The weighted mean of near pixels.

    Args:
        plane: ``(h, w)`` luminance.
        kernel_size: side of the window in pixels, odd, 1 to 31.
        sigma: spread in pixels, up to 100; 0 is OpenCV's rule 0.3 ((kernel_size - 1) / 2 - 1) + 0.8, which is 1.4
            for a window of 7.

    Returns:
        ``(h, w)``, cut to 0 to 1. The plane is mirrored at its borders.

    Raises:
        UsageError: a parameter out of range.
    """
    check("gaussian", LIMITS, kernel_size=kernel_size, sigma=sigma)
    # OpenCV's own 0 means rounded coefficients up to size 7
    spread = sigma or 0.3 * ((kernel_size - 1) / 2 - 1) + 0.8
    return clip(cv2.GaussianBlur(plane, (int(kernel_size), int(kernel_size)), spread))
