"""Unsharp masking."""

from __future__ import annotations

import numpy as np

from flawscope.enhance.gaussian import gaussian
from flawscope.enhance.limits import KERNEL_SIZE, Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"kernel_size": KERNEL_SIZE, "amount": Limit(0, 10), "sigma": Limit(0, 100)}


def unsharp(plane: Plane, kernel_size: int = 7, amount: float = 1.0, sigma: float = 0.0) -> Plane:
    """The plane plus ``amount`` times what a Gaussian blur takes away: edges get steeper.

    Args:
        plane: ``(h, w)`` luminance.
        kernel_size: side of the blur's window in pixels, odd, 1 to 31.
        amount: how much of the difference is added, 0 to 10.
        sigma: the blur's spread in pixels; 0 follows from ``kernel_size`` as in ``gaussian``.

    Returns:
        ``(h, w)``. Overshoot beyond 0 and 1 is cut off.

    Raises:
        UsageError: a parameter out of range.
    """
    check("unsharp", LIMITS, kernel_size=kernel_size, amount=amount, sigma=sigma)
    return clip(plane + np.float32(amount) * (plane - gaussian(plane, kernel_size, sigma)))
