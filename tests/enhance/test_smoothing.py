"""Bilateral, Gaussian, unsharp and median against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from flawscope.enhance.bilateral import bilateral
from flawscope.enhance.gaussian import gaussian
from flawscope.enhance.median import median
from flawscope.enhance.unsharp import unsharp


def mirrored_windows(plane: np.ndarray, size: int) -> np.ndarray:
    padded = np.pad(plane.astype(np.float64), size // 2, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))


@pytest.mark.parametrize(("size", "color", "space"), [(7, 0.1, 3.0), (5, 0.02, 1.0), (15, 75 / 255, 75.0)])
def test_bilateral_is_its_definition(surface: np.ndarray, size: int, color: float, space: float) -> None:
    away = np.arange(size) - size // 2
    squared = (away**2)[:, None] + (away**2)[None, :]
    near = np.where(squared <= (size // 2) ** 2, np.exp(-squared / (2 * space**2)), 0)
    seen = mirrored_windows(surface, size)
    weights = near * np.exp(-((seen - surface[:, :, None, None]) ** 2) / (2 * color**2))
    expected = (weights * seen).sum(axis=(2, 3)) / weights.sum(axis=(2, 3))
    np.testing.assert_allclose(bilateral(surface, size, color, space), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "sigma", "used"), [(7, 0.0, 1.4), (3, 0.0, 0.8), (7, 2.5, 2.5), (1, 0.0, 1.0)]
)
def test_gaussian_is_its_definition(surface: np.ndarray, size: int, sigma: float, used: float) -> None:
    # 0.3 ((7 - 1) / 2 - 1) + 0.8 = 1.4, and 0.3 (1 - 1) + 0.8 = 0.8
    line = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * used**2))
    line /= line.sum()
    expected = np.einsum("yxij,i,j->yx", mirrored_windows(surface, size), line, line)
    np.testing.assert_allclose(gaussian(surface, size, sigma), expected, atol=1e-6)


def test_unsharp_adds_what_the_blur_took(surface: np.ndarray) -> None:
    expected = surface + 1.5 * (surface - gaussian(surface, 7))
    np.testing.assert_allclose(unsharp(surface, 7, 1.5), np.clip(expected, 0, 1), atol=1e-6)
    np.testing.assert_array_equal(unsharp(surface, 7, 0.0), surface)


def test_unsharp_overshoot_is_cut() -> None:
    plane = np.zeros((9, 9), dtype=np.float32)
    plane[:, 5:] = 1
    found = unsharp(plane, 3, 2.0)
    assert set(np.unique(found)) == {0.0, 1.0}


@pytest.mark.parametrize("size", [1, 3, 5])
def test_small_medians_are_exact(surface: np.ndarray, size: int) -> None:
    expected = ndimage.median_filter(surface, size, mode="nearest")
    np.testing.assert_array_equal(median(surface, size), expected)


@pytest.mark.parametrize("size", [7, 11])
def test_large_medians_are_within_half_a_level(surface: np.ndarray, size: int) -> None:
    expected = ndimage.median_filter(surface, size, mode="nearest")
    allowed = float(np.ptp(surface)) / 510 + 1e-6
    np.testing.assert_allclose(median(surface, size), expected, atol=allowed)


def test_a_lone_bright_pixel_goes() -> None:
    plane = np.full((11, 11), 0.25, dtype=np.float32)
    plane[5, 5] = 1
    for size in (3, 7):
        np.testing.assert_array_equal(median(plane, size), np.full_like(plane, 0.25))
