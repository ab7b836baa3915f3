"""The power law of tones."""

from __future__ import annotations

import numpy as np

from flawscope.enhance.limits import Limit, check
from flawscope.enhance.planes import Plane

LIMITS = {"gamma": Limit(0.1, 10)}


def gamma(plane: Plane, gamma: float = 0.7) -> Plane:
    """The plane to the power of ``gamma``.

    Args:
        plane: ``(h, w)`` luminance.
        gamma: 0.1 to 10. Below 1 brightens, above 1 darkens; black and white stay.

    Returns:
        ``(h, w)`` in 0 to 1.

    Raises:
        UsageError: a parameter out of range.
    """
    check("gamma", LIMITS, gamma=gamma)
    return np.power(plane, np.float32(gamma))
