"""Images to planes and back."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.enhance import to_plane, with_plane
from flawscope.enhance.planes import check_plane
from flawscope.errors import UsageError


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def test_grey_of_every_type_is_exact() -> None:
    eight = np.array([[0, 1], [128, 255]], dtype=np.uint8)
    np.testing.assert_allclose(to_plane(grey(eight)), eight / 255, atol=1e-7)
    sixteen = np.array([[0, 1], [30000, 65535]], dtype=np.uint16)
    plane = to_plane(grey(sixteen))
    np.testing.assert_array_equal(np.rint(plane * 65535), sixteen)  # a single step of 16 bits survives
    floats = np.array([[0.1, 0.7]], dtype=np.float32)
    np.testing.assert_array_equal(to_plane(grey(floats)), floats)


def test_colour_is_bt601() -> None:
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    np.testing.assert_allclose(to_plane(image), [[0.299, 0.587, 0.114, 1]], atol=1e-6)


def test_back_from_a_grey_plane() -> None:
    image = grey(np.array([[10, 200]], dtype=np.uint8))
    plane = np.array([[0.25, 0.5]], dtype=np.float32)
    np.testing.assert_array_equal(with_plane(image, plane), grey(plane))


def test_back_to_colour_moves_all_channels_alike_and_clips() -> None:
    image = np.array([[[0.4, 0.2, 0.6], [0.9, 0.5, 0.1]]], dtype=np.float32)
    before = to_plane(image)
    moved = with_plane(image, before + np.float32(0.25))
    np.testing.assert_allclose(moved, [[[0.65, 0.45, 0.85], [1.0, 0.75, 0.35]]], atol=1e-6)
    np.testing.assert_allclose(with_plane(image, before), image, atol=1e-7)
    assert moved.dtype == np.float32


def test_sizes_must_fit() -> None:
    with pytest.raises(UsageError, match=r"size \(2, 2\) does not fit an image of size \(2, 3\)"):
        with_plane(np.zeros((2, 3, 3), np.uint8), np.zeros((2, 2), np.float32))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 2, 3), np.float32),
        np.zeros((2, 2), np.float64),
        np.zeros((0, 2), np.float32),
        np.full((2, 2), 1.5, np.float32),
        np.full((2, 2), np.nan, np.float32),
    ],
)
def test_what_is_no_plane(bad: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"to_plane$"):
        check_plane(bad)
