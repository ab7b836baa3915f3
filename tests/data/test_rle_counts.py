import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawscope.data.rle import (
    compress,
    decode,
    decompress,
    encode,
    encode_runs,
    run_lengths,
    union,
)
from flawscope.errors import DataError
from flawscope.runs import Runs

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


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("width", [1, 63, 64, 65, 200])
def test_runs_are_encoded_like_their_mask(width, share):
    mask = np.random.default_rng(width).random((30, width)) < share
    mask[2, width // 2] = True
    assert encode_runs(Runs.of_mask(mask), 30, width) == encode(mask)


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_the_union_of_masks(height, width, data):
    size = height * width
    drawn = [data.draw(st.lists(st.booleans(), min_size=size, max_size=size)) for _ in range(3)]
    masks = np.array(drawn).reshape(3, height, width)
    np.testing.assert_array_equal(union([encode(mask) for mask in masks]), masks.any(axis=0))


def test_masks_of_two_sizes_have_no_union():
    with pytest.raises(DataError, match="different sizes"):
        union([encode(np.ones((2, 3))), encode(np.ones((3, 2)))])


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
