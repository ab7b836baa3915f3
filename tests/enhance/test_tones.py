"""Equalisation, whole and by tiles, and the power law."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from flawscope.data.synthetic import draw
from flawscope.enhance.gamma import gamma
from flawscope.enhance.histogram import clahe, equalize


def test_equalize_by_hand() -> None:
    # 8 pixels, levels 10 (4 times), 20 (3 times), 200 (once): (cumulative - 4) / (8 - 4)
    levels = np.array([[10, 10, 10, 10], [20, 20, 20, 200]], dtype=np.float32)
    expected = np.array([[0, 0, 0, 0], [0.75, 0.75, 0.75, 1]])
    np.testing.assert_allclose(equalize(levels / 255), expected, atol=1e-4)


def test_equalize_is_opencv_on_eight_bits(surface: np.ndarray) -> None:
    levels = np.rint(surface * 255).astype(np.uint8)
    found = equalize((levels / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(found, cv2.equalizeHist(levels) / 255, atol=0.5 / 255 + 1e-4)


@pytest.mark.parametrize(("clip_limit", "tiles"), [(1.0, 5), (2.0, 8), (4.0, 4), (40.0, 2)])
def test_clahe_is_opencv_on_eight_bits_where_tiles_are_large(clip_limit: float, tiles: int) -> None:
    image, _, _ = draw(3, 640, 640, surface="steel")
    levels = image[:, :, 0]
    found = clahe((levels / np.float32(255)).astype(np.float32), clip_limit, tiles)
    apart = np.abs(found - cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(levels) / 255) * 255
    # OpenCV rounds curves, clip limit and result, and puts tile centres half a pixel further up and left
    assert apart.max() < 4
    assert apart.mean() < 1


def test_clahe_with_one_tile_and_no_limit_is_the_cumulative_histogram() -> None:
    levels = np.array([[10, 10, 10, 10], [20, 20, 20, 200]], dtype=np.float32)
    expected = np.array([[0.5, 0.5, 0.5, 0.5], [0.875, 0.875, 0.875, 1]])
    np.testing.assert_allclose(clahe(levels / 255, 256, 1), expected, atol=1e-4)


def test_clahe_treats_all_sides_alike(surface: np.ndarray) -> None:
    # 64 x 80 makes tiles of equal size
    plane = np.ascontiguousarray(surface[:56, :80])
    turned = clahe(np.ascontiguousarray(plane[::-1, ::-1]), 2.0, 8)[::-1, ::-1]
    np.testing.assert_allclose(clahe(plane, 2.0, 8), turned, atol=1e-6)


@pytest.mark.parametrize("tone", [equalize, clahe])
def test_steps_finer_than_eight_bits_survive(tone: object) -> None:
    assert callable(tone)
    ramp = np.linspace(0.4, 0.6, 60 * 80, dtype=np.float32).reshape(60, 80)
    found = tone(ramp, 2.0, 1) if tone is clahe else tone(ramp)
    assert len(np.unique(found)) > 4000
    assert (np.diff(found.ravel()) >= -1e-6).all()


def test_gamma() -> None:
    plane = np.array([[0, 0.25, 1]], dtype=np.float32)
    np.testing.assert_allclose(gamma(plane, 0.5), [[0, 0.5, 1]], atol=1e-7)
    np.testing.assert_allclose(gamma(plane, 2), [[0, 0.0625, 1]], atol=1e-7)
