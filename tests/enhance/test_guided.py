"""The guided filter against He's closed form and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from flawscope.enhance.guided import guided


def closed_form(plane: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """Window by window in 64-bit floats, the plane mirrored so that its edge pixels stand twice."""
    side = 2 * radius + 1

    def windows(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values.astype(np.float64), radius, mode="symmetric")
        return np.lib.stride_tricks.sliding_window_view(padded, (side, side))

    seen = windows(plane)
    variance, mean = seen.var(axis=(2, 3)), seen.mean(axis=(2, 3))
    slope = variance / (variance + eps)
    offset = (1 - slope) * mean
    return windows(slope).mean(axis=(2, 3)) * plane + windows(offset).mean(axis=(2, 3))


@pytest.mark.parametrize(("radius", "eps"), [(1, 0.001), (3, 0.01), (5, 0.1), (0, 0.01)])
def test_is_the_closed_form(surface: np.ndarray, radius: int, eps: float) -> None:
    np.testing.assert_allclose(guided(surface, radius, eps), closed_form(surface, radius, eps), atol=2e-6)


@pytest.mark.parametrize(("radius", "eps"), [(3, 0.01), (5, 0.1)])
def test_is_opencv(surface: np.ndarray, radius: int, eps: float) -> None:
    expected = cv2.ximgproc.guidedFilter(surface, surface, radius, eps)
    np.testing.assert_allclose(guided(surface, radius, eps), expected, atol=2e-5)


def test_smooths_grain_and_keeps_the_edge(step: np.ndarray) -> None:
    found = guided(step, 3, 0.001)
    assert found[:, :12].std() < 0.35 * step[:, :12].std()
    assert float(found[:, 20].mean() - found[:, 19].mean()) > 0.36
