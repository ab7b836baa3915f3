"""Weighted least squares: Farbman's system, written here pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flawscope.enhance.wls import wls, wls_exact


def dense(plane: np.ndarray, strength: float, alpha: float) -> np.ndarray:
    """The matrix as the definition says, one neighbour at a time."""
    height, width = plane.shape
    light = [[math.log(float(value) + 1e-4) for value in row] for row in plane]
    matrix = np.eye(height * width)
    for y in range(height):
        for x in range(width):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= v < height and 0 <= u < width:
                    weight = strength / (abs(light[y][x] - light[v][u]) ** alpha + 1e-4)
                    matrix[y * width + x, y * width + x] += weight
                    matrix[y * width + x, v * width + u] -= weight
    return matrix


@pytest.mark.parametrize(("strength", "alpha"), [(0.125, 1.2), (1.0, 1.2), (8.0, 2.0), (0.0, 1.2)])
def test_the_exact_one_solves_the_system(strength: float, alpha: float) -> None:
    plane = np.random.default_rng(2).random((7, 9), dtype=np.float32)
    found = wls_exact(plane, strength, alpha).astype(np.float64)
    matrix = dense(plane, strength, alpha)
    expected = np.linalg.solve(matrix, plane.astype(np.float64).ravel()).reshape(plane.shape)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    residual = matrix @ found.ravel() - plane.ravel()
    assert (np.abs(residual) <= np.abs(matrix).sum(axis=1) * 2.0**-24).all()  # rounding to 32 bits, no more


def test_strength_zero_changes_nothing(surface: np.ndarray) -> None:
    np.testing.assert_array_equal(wls_exact(surface, 0.0), surface)
    np.testing.assert_allclose(wls(surface, 0.0), surface, atol=1e-6)


@pytest.mark.parametrize("smooth", [wls, wls_exact])
def test_grain_goes_and_the_edge_stays(smooth: object, step: np.ndarray) -> None:
    assert callable(smooth)
    found = smooth(step, 1.0)
    for half in (slice(0, 20), slice(20, 40)):
        # differences along the edge are grain alone
        assert np.diff(found[:, half], axis=0).std() < 0.1 * np.diff(step[:, half], axis=0).std()
    jump = found[:, 20:].mean() - found[:, :20].mean()
    assert jump == pytest.approx(0.4, abs=0.05)


def test_both_keep_the_mean(surface: np.ndarray) -> None:
    # the columns of the Laplacian sum to 0, so the exact solution has the plane's own sum
    assert wls_exact(surface).mean() == pytest.approx(float(surface.mean()), abs=1e-5)
    assert wls(surface).mean() == pytest.approx(float(surface.mean()), abs=0.002)


@pytest.mark.parametrize("strength", [0.125, 1.0])
def test_the_fast_one_is_near(surface: np.ndarray, strength: float) -> None:
    exact = wls_exact(surface, strength)
    apart = float(np.abs(wls(surface, strength) - exact).mean())
    assert apart < 2.5 / 255
    assert apart < 0.5 * float(np.abs(surface - exact).mean())
