"""Run-length masks in COCO's two forms, by hand and there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flawscope.data import rle
from flawscope.errors import DataError


def test_runs_go_down_the_columns_background_first() -> None:
    mask = np.array([[0, 1, 1], [1, 1, 0]], dtype=np.uint8)
    assert rle.run_lengths(mask) == [1, 4, 1]
    assert rle.run_lengths(1 - mask) == [0, 1, 4, 1]
    assert rle.run_lengths(np.zeros((2, 3), np.uint8)) == [6]
    assert rle.run_lengths(np.ones((2, 3), np.uint8)) == [0, 6]


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        ([0, 6], "06"),
        ([15], "?"),  # the last that one group holds without looking negative
        ([16], "`0"),  # low five bits 10000 look negative, so another group says it is not
        ([31], "o0"),
        ([32], "P1"),
        ([1000], "XO"),  # 1000 = 31 * 32 + 8: 'X' is 48 + 32 + 8, and 31 would look negative
        ([5, 5, 5, 5], "5550"),  # from the fourth on, the difference to the one two before
        ([5, 9, 5, 7], "595N"),  # -2 is 11110 with the sign bit set: 48 + 30
    ],
)
def test_text_form_by_hand(lengths: list[int], text: str) -> None:
    if lengths == [1000]:
        text = "Xo0"  # ... so a third group follows: 'o' is 48 + 32 + 31
    assert rle.compress(lengths) == text
    assert rle.decompress(text) == lengths


@settings(max_examples=80, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1)))
def test_there_and_back(mask: np.ndarray) -> None:
    encoded = rle.encode(mask)
    assert encoded["size"] == list(mask.shape)
    np.testing.assert_array_equal(rle.decode(encoded), mask)
    plain = {"size": encoded["size"], "counts": rle.run_lengths(mask)}
    np.testing.assert_array_equal(rle.decode(plain), mask)
    np.testing.assert_array_equal(rle.decode({**encoded, "counts": encoded["counts"].encode()}), mask)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": "`"},
        {"size": [2, 2], "counts": "\x07"},
        {"size": 4, "counts": [4]},
    ],
)
def test_what_is_not_a_mask_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(DataError):
        rle.decode(broken)
