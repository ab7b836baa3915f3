"""Planes that the tests of filters share."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.data.synthetic import draw
from flawscope.enhance import to_plane


@pytest.fixture(scope="session")
def surface() -> np.ndarray:
    """A drawn strip of steel with a defect, 60 x 80."""
    image, _, _ = draw(3, 60, 80, surface="steel", clean_probability=0.0)
    return to_plane(image)


@pytest.fixture(scope="session")
def step() -> np.ndarray:
    """Left half about 0.3, right half about 0.7, with grain of 0.01."""
    grain = np.random.default_rng(0).normal(0, 0.01, (40, 40)).astype(np.float32)
    return np.where(np.arange(40) < 20, np.float32(0.3), np.float32(0.7)) + grain
