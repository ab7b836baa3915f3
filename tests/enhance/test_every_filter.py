"""What every filter must do with every plane."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.enhance import FILTERS
from flawscope.errors import UsageError

SIZES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 40), (40, 1), (3, 5), (17, 23)]
PARAMETERS = [(name, parameter) for name, kind in FILTERS.items() for parameter in kind.limits]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_and_content_gives_a_plane(name: str, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).random(size, dtype=np.float32)
    flat = np.full_like(noise, 0.3)
    nearly_flat = flat.copy()
    nearly_flat[0, 0] = np.nextafter(np.float32(0.3), np.float32(1))
    for plane in (noise, noise.round(), np.zeros_like(noise), np.ones_like(noise), flat, nearly_flat):
        given = plane.copy()
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            found = FILTERS[name].function(plane)
        assert found.dtype == np.float32
        assert found.shape == size
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1
        np.testing.assert_array_equal(plane, given)  # the input is left alone
        assert not np.shares_memory(found, plane)


@pytest.mark.parametrize("name", FILTERS)
def test_a_constant_plane_stays_where_the_table_says_so(name: str) -> None:
    for value in (0.0, 0.2, 0.77, 1.0):
        plane = np.full((20, 30), value, dtype=np.float32)
        found = FILTERS[name].function(plane)
        assert np.ptp(found) < 1e-6
        if FILTERS[name].tone == "keeps":
            np.testing.assert_allclose(found, plane, atol=1e-6)


def test_what_the_others_do_to_a_constant_plane() -> None:
    for value in (0.0, 0.2, 0.77, 1.0):
        plane = np.full((20, 30), value, dtype=np.float32)
        np.testing.assert_allclose(FILTERS["gamma"].function(plane, gamma=2.0), value**2, atol=1e-6)
        np.testing.assert_array_equal(FILTERS["equalize"].function(plane), plane)
        for limit in (1.0, 2.0, 10.0):
            risen = FILTERS["clahe"].function(plane, clip_limit=limit) - plane
            assert risen.min() >= -1e-6
            assert risen.max() <= (1 - value) * (limit + 1) / 256 + 1e-6


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_parameters_have_ends(name: str, parameter: str) -> None:
    kind = FILTERS[name]
    limit, plane = kind.limits[parameter], np.random.default_rng(0).random((12, 12), dtype=np.float32)
    for value in (limit.low, limit.high):
        found = kind.function(plane, **{parameter: value})
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1
    for value in (limit.low - 1, limit.high + 2, float("nan"), float("inf")):
        with pytest.raises(UsageError, match=rf"^{name}: {parameter} must be .* number from .* to .*, not"):
            kind.function(plane, **{parameter: value})


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [("median", "kernel_size", 4), ("guided", "radius", 2.5), ("clahe", "tiles", 3.5)],
)
def test_whole_and_odd_numbers_are_asked_for(name: str, parameter: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"must be an? (odd|whole) number from .*, not {value:g}"):
        FILTERS[name].function(np.zeros((5, 5), np.float32), **{parameter: value})


def test_defaults_are_within_the_limits() -> None:
    for kind in FILTERS.values():
        assert list(kind.defaults) == list(kind.limits)
        assert all(kind.limits[name].allows(value) for name, value in kind.defaults.items())
