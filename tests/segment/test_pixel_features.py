"""Filter features against scipy and against images whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from flawscope.errors import UsageError
from flawscope.segment.pixel_features import FEATURES, SIGMAS, flatten, pixel_features, standardize


def noise(height: int = 96, width: int = 128) -> np.ndarray:
    raw = np.random.default_rng(3).random((height, width))
    smooth = ndimage.gaussian_filter(raw, 2)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def first_of(sigma: int) -> int:
    return 1 + 6 * SIGMAS.index(sigma)


def test_shape_and_kind() -> None:
    features = pixel_features(noise())
    assert features.shape == (96, 128, FEATURES)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@pytest.mark.parametrize("sigma", SIGMAS)
def test_blurs_are_scipys(sigma: int) -> None:
    flat = standardize(flatten(noise()))
    wanted = ndimage.gaussian_filter(flat, sigma, mode="mirror", truncate=4)
    blurred = pixel_features(noise())[..., first_of(sigma)]
    inner = (slice(32, -32), slice(32, -32))
    # From 4 px on the image is shrunk before, which costs a little.
    assert np.abs(blurred - wanted)[inner].max() < (0.01 if sigma < 4 else 0.06)


def test_derivatives_of_a_known_surface() -> None:
    from flawscope.segment.pixel_features import _derivatives

    rows, columns = np.mgrid[0:9, 0:9].astype(np.float32)
    # f = 3 x + 2 y: gradient (3, 2), no curvature; g = x^2 / 2 - 3 y^2 / 2: eigenvalues 1 and -3.
    slope = [map_[4, 4] for map_ in _derivatives(3 * columns + 2 * rows)]
    np.testing.assert_allclose(slope, [np.sqrt(13), 0, 0], atol=1e-5)
    bowl = [map_[4, 4] for map_ in _derivatives((columns - 4) ** 2 / 2 - 3 * (rows - 4) ** 2 / 2)]
    np.testing.assert_allclose(bowl, [0, 1, -3], atol=1e-5)
    saddle = [map_[4, 4] for map_ in _derivatives((columns - 4) * (rows - 4) * 2)]
    np.testing.assert_allclose(saddle, [0, 2, -2], atol=1e-5)


def test_neither_brightness_nor_contrast_nor_a_slow_gradient_matters() -> None:
    plane = noise() * 0.5
    inner = (slice(30, -30), slice(30, -30))
    wanted = pixel_features(plane)[inner]
    np.testing.assert_allclose(pixel_features(plane + np.float32(0.3))[inner], wanted, atol=1e-3)
    # The floor under the deviation lets features grow a little with contrast, 6 % here.
    scaled = pixel_features(plane * 0.8 + 0.1)[inner]
    np.testing.assert_allclose(scaled, wanted * (scaled.std() / wanted.std()), atol=2e-3)
    assert 0.9 < scaled.std() / wanted.std() < 1
    slope = np.linspace(0, 0.2, 128, dtype=np.float32)[None]
    assert np.abs(pixel_features(plane + slope)[inner] - wanted).mean() < 0.1


def test_a_turned_image_has_turned_features() -> None:
    plane = noise(96, 96)
    turned = pixel_features(np.ascontiguousarray(np.rot90(plane)))
    np.testing.assert_allclose(turned, np.rot90(pixel_features(plane)), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 300), (5, 5), (17, 2)])
def test_small_and_narrow_images(size: tuple[int, int]) -> None:
    plane = np.random.default_rng(0).random(size, dtype=np.float32)
    assert np.isfinite(pixel_features(plane)).all()
    assert np.abs(pixel_features(np.full(size, 0.5, np.float32))).max() < 1e-4


def test_only_planes() -> None:
    with pytest.raises(UsageError, match="float32"):
        pixel_features(np.zeros((4, 4, 3), np.float32))
