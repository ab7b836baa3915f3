"""The fast weighted F-measure against the paper's recipe written out pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flawscope.metrics import weighted_f


def by_the_recipe(soft: np.ndarray, truth: np.ndarray) -> float:
    """Margolin et al., section 4, with loops; nearest pixel: leftmost, then topmost."""
    height, width = truth.shape
    points = sorted(((x, y) for y, x in np.argwhere(truth)))
    error = np.abs(soft - truth)
    spread, weight = error.copy(), np.ones_like(error)
    for y in range(height):
        for x in range(width):
            if not truth[y, x]:
                square, px, py = min(((x - a) ** 2 + (y - b) ** 2, a, b) for a, b in points)
                spread[y, x] = error[py, px]
                weight[y, x] = 2 - 0.5 ** (np.sqrt(square) / 5)
    steps = np.arange(-3, 4)
    kernel = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / 50.0)
    kernel /= kernel.sum()
    padded = np.pad(spread, 3)
    blurred = np.array(
        [[(padded[y : y + 7, x : x + 7] * kernel).sum() for x in range(width)] for y in range(height)]
    )
    final = np.where(truth, np.minimum(error, blurred), error) * weight
    area = truth.sum()
    hits, false_alarms = area - final[truth].sum(), final[~truth].sum()
    recall, precision = 1 - final[truth].mean(), hits / (hits + false_alarms + 1e-300)
    return 2 * recall * precision / (recall + precision + 1e-300)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 14), st.sampled_from([0.03, 0.2, 0.7]))
def test_agrees_with_the_recipe(seed: int, height: int, width: int, density: float) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.random((height, width)) < density
    truth[generator.integers(height), generator.integers(width)] = True
    soft = generator.random((height, width))
    assert weighted_f(soft, truth) == pytest.approx(by_the_recipe(soft, truth), abs=1e-7)


def test_far_false_alarms_weigh_more() -> None:
    truth = np.zeros((40, 40), dtype=bool)
    truth[4:12, 4:12] = True
    near, far = truth.astype(float), truth.astype(float)
    near[4:12, 13] = 1
    far[30:38, 30] = 1
    assert weighted_f(far, truth) < weighted_f(near, truth) < 1


def test_beta_shifts_the_weight_to_recall() -> None:
    truth = np.zeros((20, 20), dtype=bool)
    truth[5:15, 5:15] = True
    generous = np.zeros((20, 20))
    generous[2:18, 2:18] = 1
    assert (
        weighted_f(generous, truth, beta2=4.0)
        > weighted_f(generous, truth)
        > weighted_f(generous, truth, beta2=0.3)
    )
