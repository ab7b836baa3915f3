import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawscope.data.rle import compress, decode, decompress, encode, run_lengths
from flawscope.errors import DataError

# The example of COCO's own interface documentation.
LENGTHS, TEXT, SIZE = [6, 1, 40, 4, 5, 4, 5, 4, 21], "61X13mN000`0", [9, 10]


def test_the_documented_example_in_both_directions():
    assert compress(LENGTHS) == TEXT
    assert decompress(TEXT) == LENGTHS


def test_runs_go_down_the_columns():
    mask = np.array([[0, 1, 1], [0, 1, 0]])
    assert run_lengths(mask) == [2, 3, 1]
    np.testing.assert_array_equal(decode({"size": [2, 3], "counts": [2, 3, 1]}), mask)


def test_compressed_and_uncompressed_say_the_same():
    np.testing.assert_array_equal(
        decode({"size": SIZE, "counts": TEXT}), decode({"size": SIZE, "counts": LENGTHS})
    )


@given(st.integers(1, 12), st.integers(1, 12), st.randoms(use_true_random=False))
def test_any_mask_survives(height, width, random):
    mask = np.array([[random.random() < 0.4 for _ in range(width)] for _ in range(height)])
    np.testing.assert_array_equal(decode(encode(mask)), mask)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": "\x7f"},
        {"size": [2], "counts": [4]},
        {"counts": [4]},
    ],
)
def test_runs_that_do_not_fit_are_refused(rle):
    with pytest.raises(DataError):
        decode(rle)
