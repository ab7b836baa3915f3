"""Actions and typed shares become weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawscope.enhance import normalize, simplex
from flawscope.errors import UsageError

ACTIONS = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=10)


@given(ACTIONS)
def test_weights_are_on_the_simplex(action: list[float]) -> None:
    weights = simplex(action)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)


@given(ACTIONS, ACTIONS)
def test_a_small_change_stays_small(first: list[float], other: list[float]) -> None:
    # even where all entries are near -1 and a plain division would jump
    action = np.array(first)
    moved = np.clip(action + 1e-6 * np.resize(other, action.shape), -1, 1)
    assert np.abs(simplex(action) - simplex(moved)).max() < 1e-4


def test_by_hand() -> None:
    np.testing.assert_allclose(simplex([1, 0, -1]), [2 / 3, 1 / 3, 0])
    np.testing.assert_array_equal(simplex([-1, 1, -1, -1]), [0, 1, 0, 0])
    np.testing.assert_allclose(simplex([-1, -1, -1, -1]), [0.25] * 4)
    # v = (0.05, 0), missing 0.05: (0.05 + 0.025, 0.025) / 0.1
    np.testing.assert_allclose(simplex([-0.9, -1]), [0.75, 0.25])
    np.testing.assert_allclose(simplex([5, -7]), [1, 0])
    np.testing.assert_allclose(normalize([3, 0, 1]), [0.75, 0, 0.25])


@pytest.mark.parametrize("bad", [[], [[0.5]], 1.0, [float("nan"), 0], [float("inf"), 0]])
def test_what_is_no_vector_of_numbers(bad: object) -> None:
    for make in (simplex, normalize):
        with pytest.raises(UsageError, match=r"list of numbers|NaN"):
            make(bad)


def test_shares_that_cannot_be_weights() -> None:
    with pytest.raises(UsageError, match="cannot be negative"):
        normalize([0.5, -0.1])
    with pytest.raises(UsageError, match="all weights are 0"):
        normalize([0, 0])
