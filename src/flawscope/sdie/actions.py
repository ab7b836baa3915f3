"""What an action is made of: a number a filter, a number an adjustable parameter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError


def actions_of(bank: FilterBank) -> int:
    """Numbers in an action: one a filter, one an adjustable parameter."""
    return len(bank) + len(bank.adjustable)


def action_of(weights: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The action that gives these weights, ``(..., n)`` on the simplex: 2 w / max(w) - 1."""
    given = np.asarray(weights, dtype=np.float64)
    return (2 * given / given.max(axis=-1, keepdims=True) - 1).astype(np.float32)


def identity_of(bank: FilterBank) -> int:
    """Which filter gives the image back unchanged; raises UsageError when none does."""
    if "identity" not in bank.names:
        raise UsageError(
            "the bank has no identity filter",
            where=", ".join(bank.names),
            remedy="Add identity to the filters",
        )
    return bank.names.index("identity")
