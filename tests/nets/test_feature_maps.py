"""Heat maps and the measure of how far defects stand out."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from flawscope.nets.feature_maps import heat_maps, prominence  # noqa: E402


def test_heat_is_the_channel_mean_stretched_between_percentiles() -> None:
    level = torch.zeros(2, 2, 10, 10)
    ramp = torch.arange(100.0).reshape(10, 10)
    level[1, 0], level[1, 1] = ramp, ramp + 10
    maps = heat_maps({"adjusted": [level], "pixel": [level * 3]}, item=1)
    assert list(maps) == ["adjusted", "pixel"]
    expected = np.clip((ramp.numpy() - 0.99) / (98.01 - 0.99), 0, 1)
    np.testing.assert_allclose(maps["adjusted"][0], expected, atol=1e-6)
    np.testing.assert_allclose(maps["pixel"][0], expected, atol=1e-6)
    assert not heat_maps({"adjusted": [level]}, item=0)["adjusted"][0].any()


def test_prominence_is_the_area_under_the_roc_curve() -> None:
    heat = np.array([[0.1, 0.2], [0.3, 0.9]], np.float32)
    assert prominence(heat, np.array([[0, 0], [1, 1]], np.uint8)) == 1
    assert prominence(heat, np.array([[1, 1], [0, 0]], np.uint8)) == 0
    # Pairs (defect, background): 0.2 > 0.1, 0.2 < 0.3, 0.9 > 0.1, 0.9 > 0.3.
    assert prominence(heat, np.array([[0, 1], [0, 255]], np.uint8)) == 0.75
    assert prominence(np.ones((2, 2), np.float32), np.array([[0, 1], [0, 0]], np.uint8)) == 0.5
    assert math.isnan(prominence(heat, np.zeros((2, 2), np.uint8)))
    assert math.isnan(prominence(heat, np.ones((2, 2), np.uint8)))
