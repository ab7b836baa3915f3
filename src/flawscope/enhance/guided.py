"""The guided filter (He, Sun and Tang, 2013), the plane guiding itself."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.enhance.limits import Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"radius": Limit(0, 15, whole=True), "eps": Limit(1e-6, 10)}


def guided(plane: Plane, radius: int = 3, eps: float = 0.01) -> Plane:
    """Smooth where the local variance is small beside ``eps``, keep where it is large.

    In every window the plane is fitted by a line of itself, a = variance / (variance + eps) and
    b = (1 - a) mean; the result is mean(a) plane + mean(b) over the windows that hold the pixel.

    Args:
        plane: ``(h, w)`` luminance.
        radius: the window has 2 radius + 1 pixels a side; 0 to 15.
        eps: in squared luminance of 0 to 1, 1e-6 to 10. A plane of 0 to 255 needs 65025 times as much.

    Returns:
        ``(h, w)``, cut to 0 to 1. Windows see the plane mirrored at its borders, edge pixels doubled.

    Raises:
        UsageError: a parameter out of range.
    """
    check("guided", LIMITS, radius=radius, eps=eps)
    mean = _box(plane, radius)
    variance = np.maximum(_box(plane * plane, radius) - mean * mean, np.float32(0))
    slope = variance / (variance + np.float32(eps))
    offset = mean - slope * mean
    return clip(_box(slope, radius) * plane + _box(offset, radius))


def _box(values: npt.NDArray[Any], radius: int) -> Plane:
    """The mean over windows; OpenCV sums in 64 bits."""
    side = 2 * int(radius) + 1
    return np.asarray(cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT))
