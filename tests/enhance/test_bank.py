"""The bank: rounds of weighted filters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from flawscope.data.synthetic import draw
from flawscope.enhance import (
    FILTERS,
    Adjustable,
    Filter,
    FilterBank,
    bank,
    bank_from_json,
    blend,
    simplex,
    with_plane,
)
from flawscope.enhance.filters import Kind
from flawscope.errors import UsageError, WeightsError

MOVING = (Adjustable("wls", "lambda_", 0.1, 10), Adjustable("bilateral", "kernel_size", 3, 9))


@pytest.fixture
def threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def random_weights(count: int, seed: int = 0) -> np.ndarray:
    return simplex(np.random.default_rng(seed).uniform(-1, 1, count))


def test_a_round_is_the_weighted_sum(surface: np.ndarray) -> None:
    everything = bank("all")
    weights = random_weights(len(everything))
    stack = everything.filtered(surface)
    assert stack.shape == (10, *surface.shape)
    assert stack.dtype == np.float32
    for plane, name in zip(stack, everything.names, strict=True):
        np.testing.assert_array_equal(plane, FILTERS[name].function(surface))
    mixed = everything.mix(surface, weights)
    expected = sum(weight * plane for weight, plane in zip(weights, stack.astype(np.float64), strict=True))
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    np.testing.assert_array_equal(mixed, blend(stack, weights))
    assert mixed.dtype == np.float32


def test_one_filter_alone(surface: np.ndarray) -> None:
    six = bank()
    for place, name in enumerate(six.names):
        corner = simplex(np.where(np.arange(6) == place, 1, -1))
        np.testing.assert_array_equal(six.mix(surface, corner), FILTERS[name].function(surface))
    np.testing.assert_array_equal(six.mix(surface, simplex([1, -1, -1, -1, -1, -1])), surface)


@pytest.mark.usefixtures("threads")
def test_same_plane_and_weights_give_the_same_bits(surface: np.ndarray) -> None:
    """The paper's Theorem 2: nothing but state and action decides the next state."""
    everything = bank("all")
    large = np.ascontiguousarray(np.tile(surface, (4, 4)))  # enough for OpenCV to use its threads
    rounds = [random_weights(10, seed) for seed in range(3)]
    found = []
    for count in (1, 2, 4, 1):
        cv2.setNumThreads(count)
        found.append([plane.tobytes() for plane in everything.enhance(large, rounds)])
        everything.mix(np.flipud(large), rounds[1])  # something in between must leave no trace
    assert found[0] == found[1] == found[2] == found[3]


def test_rounds_compose(surface: np.ndarray) -> None:
    six = bank()
    first, second = random_weights(6, 1), random_weights(6, 2)
    after = six.enhance(surface, [first, second])
    np.testing.assert_array_equal(after[0], six.mix(surface, first))
    np.testing.assert_array_equal(after[1], six.mix(after[0], second))
    assert six.enhance(surface, []) == []


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_images_of_every_type(kind: type) -> None:
    image, _, _ = draw(1, 30, 40)
    full = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[kind]
    (after,) = bank().enhance(
        (image / 255 * full).round(3 if full == 1 else 0).astype(kind), [random_weights(6)]
    )
    assert with_plane(image, after).shape == image.shape


def test_filters_of_weight_zero_are_not_computed(
    surface: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(plane: np.ndarray, **_: float) -> np.ndarray:
        raise AssertionError

    six = bank()
    monkeypatch.setitem(FILTERS, "clahe", Kind(never, FILTERS["clahe"].limits))
    six.mix(surface, [0.2, 0.2, 0.2, 0.2, 0.2, 0])
    with pytest.raises(AssertionError):
        six.mix(surface, [0.2, 0.2, 0.2, 0.2, 0, 0.2])


def test_brightness_of_a_constant_plane_is_kept() -> None:
    kept = bank("all", filters=[name for name, kind in FILTERS.items() if kind.tone == "keeps"])
    for seed, value in enumerate((0.0, 0.1, 0.5, 0.9, 1.0)):
        plane = np.full((30, 20), value, dtype=np.float32)
        after = kept.enhance(plane, [random_weights(len(kept), seed)] * 5)
        np.testing.assert_allclose(after[-1], value, atol=5e-6)


def test_mean_brightness_hardly_moves_without_tone_filters() -> None:
    image, _, _ = draw(5, 100, 100, surface="steel")
    kept = bank(filters=["identity", "wls", "bilateral", "unsharp", "guided"])
    plane = image[:, :, 0].astype(np.float32) / 255
    after = kept.enhance(plane, [np.full(5, 0.2)] * 5)
    assert after[-1].mean() == pytest.approx(float(plane.mean()), abs=0.01)


def test_adjustable_parameters(surface: np.ndarray) -> None:
    moving = bank(adjustable=MOVING)
    np.testing.assert_allclose(moving.parameters([-1, -1]), [0.1, 3])
    np.testing.assert_allclose(moving.parameters([0, 0]), [1, 7])  # by factors; 6 is not odd
    np.testing.assert_allclose(moving.parameters([1, 9]), [10, 9])
    given = moving.parameters([0.5, 1])
    stack = moving.filtered(surface, given)
    np.testing.assert_array_equal(stack[1], FILTERS["wls"].function(surface, given[0]))
    np.testing.assert_array_equal(stack[2], FILTERS["bilateral"].function(surface, 9))
    np.testing.assert_array_equal(moving.filtered(surface), bank().filtered(surface))
    weights = random_weights(6)
    np.testing.assert_array_equal(moving.mix(surface, weights, given), blend(stack, weights))
    after = moving.enhance(surface, [weights, weights], [given, moving.parameters([-1, 0])])
    np.testing.assert_array_equal(after[0], blend(stack, weights))


def test_fingerprints_tell_banks_apart() -> None:
    banks = [
        bank(),
        bank("all"),
        bank("paper"),
        bank(kernel_size=5),
        bank(filters=["wls", "identity"]),
        bank(filters=["identity", "wls"]),
        bank(adjustable=MOVING[:1]),
    ]
    prints = [one.fingerprint() for one in banks]
    assert len(set(prints)) == len(banks)
    assert bank(kernel_size=7).fingerprint() == prints[0]
    for one, digits in zip(banks, prints, strict=True):
        again = bank_from_json(json.loads(json.dumps(one.to_json())))
        assert again.fingerprint() == digits
        assert again == one
        one.check_fingerprint(digits)
    with pytest.raises(WeightsError, match="policy: weights of another bank"):
        banks[0].check_fingerprint(prints[1], where="policy")


@pytest.mark.parametrize(
    "payload", [{}, {"filters": [{}]}, {"filters": 3, "adjustable": []}, [], {"filters": []}]
)
def test_what_describes_no_bank(payload: object) -> None:
    with pytest.raises(WeightsError, match=r"x\.json: not the description of a filter bank"):
        bank_from_json(payload, where="x.json")  # type: ignore[arg-type]


def test_weights_and_parameters_must_fit(surface: np.ndarray) -> None:
    six = bank(adjustable=MOVING)
    for weights, line in (
        ([1], "1 weights for a bank of 6"),
        ([0.5] * 6, "sum to 1, not 3"),
        ([1.5, -0.5, 0, 0, 0, 0], "0 or more"),
        ([float("nan")] * 6, "NaN"),
    ):
        with pytest.raises(UsageError, match=line):
            six.mix(surface, weights)
    equal = np.full(6, 1 / 6)
    for values, line in (
        ([1.0], "2 adjustable"),
        ([1000.0, 3], "lambda_ must be"),
        ([1, float("nan")], "kernel_size"),
    ):
        with pytest.raises(UsageError, match=line):
            six.mix(surface, equal, values)
    with pytest.raises(UsageError, match="2 adjustable"):
        six.parameters([0.0])
    with pytest.raises(UsageError, match="parameters for 1 rounds, weights for 2"):
        six.enhance(surface, [equal, equal], [[1.0, 3]])
    with pytest.raises(UsageError, match="not \\(2, 2\\) float64"):
        six.mix(np.zeros((2, 2)), equal)  # type: ignore[arg-type]


def test_banks_that_cannot_be() -> None:
    for make, line in (
        (lambda: bank("other"), "no bank 'other'. There are: default, all, paper"),
        (lambda: bank(filters=["sharpen"]), "no filter 'sharpen'"),
        (lambda: bank(filters=[]), "at least one filter"),
        (lambda: bank(filters=["wls", "wls"]), "stands twice"),
        (lambda: bank(kernel_size=4), "odd number from 3 to 11, not 4"),
        (lambda: bank(kernel_size=13), "odd number from 3 to 11, not 13"),
        (lambda: bank(filters=["wls"], adjustable=MOVING), "bilateral is adjustable but not in the bank"),
        (lambda: FilterBank((Filter("gauss"),)), "no filter 'gauss'"),
        (lambda: FilterBank((Filter("gamma"),)), "gamma takes the parameters: gamma"),
        (lambda: FilterBank((Filter("gamma", (("gamma", 100.0),)),)), "gamma: gamma must be"),
        (lambda: Adjustable("wls", "radius", 1, 2), "no parameter 'radius'"),
        (lambda: Adjustable("wls", "lambda_", 5, 2), "the range 5 to 2"),
        (lambda: Adjustable("median", "kernel_size", 2, 5), "the range 2 to 5"),
    ):
        with pytest.raises(UsageError, match=line):
            make()


def test_kernel_size_sets_the_windows() -> None:
    for size in (3, 5, 7, 9, 11):
        found = {one.name: dict(one.parameters) for one in bank("all", kernel_size=size).filters}
        for name in ("bilateral", "unsharp", "median", "gaussian"):
            assert found[name]["kernel_size"] == size
        assert found["guided"]["radius"] == size // 2
        assert found["clahe"] == {"clip_limit": 2.0, "tiles": 8}


def test_the_paper_preset_is_the_released_one() -> None:
    found = {one.name: dict(one.parameters) for one in bank("paper").filters}
    assert found["wls"] == {"lambda_": 0.125, "alpha": 1.2}
    assert found["bilateral"] == {"kernel_size": 15, "sigma_color": 75 / 255, "sigma_space": 75.0}
    assert found["unsharp"]["amount"] == 1.5
    assert found["guided"] == {"radius": 5, "eps": 0.1}
    assert found["clahe"] == {"clip_limit": 1.0, "tiles": 5}


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (33, 65)])
@pytest.mark.parametrize("preset", ["default", "all", "paper"])
def test_rounds_on_tiny_planes(preset: str, size: tuple[int, int]) -> None:
    chosen = bank(preset)
    plane = np.random.default_rng(0).random(size, dtype=np.float32)
    for after in chosen.enhance(plane, [random_weights(len(chosen), seed) for seed in range(5)]):
        assert np.isfinite(after).all()
        assert after.min() >= 0
        assert after.max() <= 1
