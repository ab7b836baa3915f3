"""Weights on the simplex (none negative, sum 1): from an agent's action, and from what a person typed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError

Weights = npt.NDArray[np.float64]

_SUM_GUARD = 0.1
"""Below this sum of (1 + action) / 2, division would turn a tiny change of the action into a large one."""

_ROUNDING = 1e-4
"""How far from 1 the sum of weights may be: 32-bit weights of many filters, or four typed decimals."""


def simplex(action: npt.ArrayLike) -> Weights:
    """Weights from an action, the normalisation of SDIE's Eq. 5 with its division by zero closed.

    Each entry becomes v = (1 + a) / 2. Where the sum S of all v is at least 0.1 the weights are v / S, so a
    corner with one entry 1 and the rest -1 gives exactly one filter. Below, what is missing to 0.1 is shared out
    evenly first: w = (v + (0.1 - S) / n) / 0.1. That joins the rest without a jump and gives equal weights where
    all entries are -1.

    Args:
        action: ``(n,)`` in -1 to 1; values outside are cut to that.

    Returns:
        ``(n,)`` weights, 0 to 1, sum 1.

    Raises:
        UsageError: not one-dimensional, empty, or with NaN or infinite entries.
    """
    raised = (1 + np.clip(_vector(action, "an action"), -1, 1)) / 2
    missing = max(_SUM_GUARD - float(raised.sum()), 0.0)
    raised += missing / raised.size
    weights: Weights = raised / raised.sum()
    return weights


def normalize(shares: npt.ArrayLike) -> Weights:
    """Non-negative shares divided by their sum.

    Raises:
        UsageError: a negative share, none above 0, or one that is no number.
    """
    given = _vector(shares, "weights")
    if given.min() < 0:
        raise UsageError("weights cannot be negative", remedy="Leave a filter out or give it 0")
    if given.sum() <= 0:
        raise UsageError("all weights are 0", remedy="Give at least one filter a weight above 0")
    weights: Weights = given / given.sum()
    return weights


def check_weights(weights: npt.ArrayLike, count: int) -> Weights:
    """The weights as 64-bit floats.

    Raises:
        UsageError: not ``(count,)``, NaN, negative, or with a sum that is not 1 within 1e-4.
    """
    given = _vector(weights, "weights")
    if given.size != count:
        raise UsageError(f"{given.size} weights for a bank of {count} filters")
    if given.min() < 0 or abs(float(given.sum()) - 1) > _ROUNDING:
        raise UsageError(
            f"weights must be 0 or more and sum to 1, not {given.sum():g}",
            remedy="flawscope.enhance.normalize and simplex make such weights",
        )
    return given


def _vector(values: npt.ArrayLike, what: str) -> npt.NDArray[np.float64]:
    given: npt.NDArray[Any] = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or given.size == 0:
        raise UsageError(f"{what} must be a list of numbers, not of shape {given.shape}")
    if not np.isfinite(given).all():
        raise UsageError(f"{what} with NaN or infinite entries")
    return given
