"""The bilateral filter (Tomasi and Manduchi, 1998)."""

from __future__ import annotations

import cv2

from flawscope.enhance.limits import KERNEL_SIZE, Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"kernel_size": KERNEL_SIZE, "sigma_color": Limit(1e-3, 10), "sigma_space": Limit(0.1, 1000)}


def bilateral(
    plane: Plane, kernel_size: int = 7, sigma_color: float = 0.1, sigma_space: float = 3.0
) -> Plane:
    """The mean of near pixels of like luminance: grain goes, edges stay.

    Weights are exp(-distance^2 / (2 sigma_space^2)) exp(-difference^2 / (2 sigma_color^2)) within a disc.

    Args:
        plane: ``(h, w)`` luminance.
        kernel_size: diameter of the disc in pixels, odd, 1 to 31. Time grows with its square.
        sigma_color: spread over luminance, 0.001 to 10. What is 75 for grey levels 0 to 255 is 75/255 here.
        sigma_space: spread over distance in pixels, 0.1 to 1000.

    Returns:
        ``(h, w)``, cut to 0 to 1; OpenCV's filter on floats, which mirrors the plane at its borders.

    Raises:
        UsageError: a parameter out of range.
    """
    check("bilateral", LIMITS, kernel_size=kernel_size, sigma_color=sigma_color, sigma_space=sigma_space)
    return clip(cv2.bilateralFilter(plane, int(kernel_size), sigma_color, sigma_space))
