"""The length of outlines: exact along the pixels, without bias on shapes of any size and direction."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.inspect.outlines import outlines
from flawscope.runs import Runs

_spec = importlib.util.spec_from_file_location("shapes", Path(__file__).with_name("shapes.py"))
assert _spec is not None
assert _spec.loader is not None
shapes: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shapes)


def lengths(runs: Runs, scale: tuple[float, float] = (1.0, 1.0)) -> tuple[float, float]:
    """Of the sides, and of the plain way from corner to corner."""
    found = outlines(runs, scale)
    plain = [(np.roll(outline.corners, -1, axis=0) - outline.corners) * scale for outline in found]
    measured = [outline.sides for outline in found]
    return tuple(float(sum(np.linalg.norm(each, axis=1).sum() for each in one)) for one in (measured, plain))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("wide", "high"), [(1, 1), (3, 2), (5, 4), (9, 1), (40, 1), (2, 300), (64, 64), (1000, 7)]
)
def test_rectangles_along_the_pixels_are_exact(wide: int, high: int) -> None:
    runs = Runs.of_mask(np.ones((high, wide)), left=7, top=5)
    assert lengths(runs)[0] == pytest.approx(2 * (wide + high), abs=1e-6)
    assert lengths(runs, (0.1, 0.3))[0] == pytest.approx(2 * (0.1 * wide + 0.3 * high), abs=1e-6)


def test_a_hole_counts() -> None:
    mask = np.ones((30, 40))
    mask[10:20, 10:30] = 0
    assert lengths(Runs.of_mask(mask))[0] == pytest.approx(2 * (30 + 40) + 2 * (10 + 20), abs=1e-6)


def test_a_long_outline_keeps_its_digits() -> None:
    mask = np.ones((100_000, 3), dtype=np.uint8)
    assert lengths(Runs.of_mask(mask, left=10_000_000, top=1_000_000))[0] == pytest.approx(200_006, abs=1e-3)


def errors(number: int, drawn: Any) -> np.ndarray:
    """Errors of sides and of the plain way, ``(number, 2)``."""
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(number):
        inside, side, known = drawn(rng)
        rows.append(np.array(lengths(Runs.of_mask(shapes.drawn(inside, side)))) - known)
    return np.array(rows)


def any_bar(rng: np.random.Generator) -> tuple[Any, int, float]:
    length, width = rng.uniform(20, 90), rng.uniform(3, 20)
    x, y = 52 + rng.uniform(-0.5, 0.5, 2)
    return shapes.bar(length, width, rng.uniform(0, 180), x, y), 104, 2 * (length + width)


def any_ring(rng: np.random.Generator) -> tuple[Any, int, float]:
    radius, width = rng.uniform(10, 40), rng.uniform(3, 10)
    x, y = 50 + rng.uniform(-0.5, 0.5, 2)
    return shapes.arc(radius, width, (0, 360), x, y), 100, 4 * math.pi * radius


@pytest.mark.parametrize(("drawn", "bias", "spread"), [(any_bar, 0.15, 0.5), (any_ring, 0.25, 0.6)])
def test_neither_long_nor_short_on_the_whole(drawn: Any, bias: float, spread: float) -> None:
    measured, plain = errors(60, drawn).T
    assert abs(measured.mean()) < bias
    assert np.sqrt((measured**2).mean()) < spread
    assert np.sqrt((measured**2).mean()) < np.sqrt((plain**2).mean())


@pytest.mark.parametrize(
    ("scale", "bias", "worst"),
    [((1, 1), 0.15, 1.0), ((1, 2), 0.2, 1.4), ((1, 4), 0.5, 4.6), ((4, 1), 0.5, 4.6), ((0.5, 2), 0.25, 1.4)],
)
def test_bars_of_oblong_pixels_are_not_short(scale: tuple[float, float], bias: float, worst: float) -> None:
    """Right angles of the surface are no right angles among oblong pixels; corners must be found all the same."""
    rng = np.random.default_rng(8)
    off = []
    for degrees in np.arange(7.5, 180, 15):
        for _ in range(3):
            x, y = 40 + rng.uniform(-0.5, 0.5, 2) * scale
            runs = Runs.of_mask(shapes.drawn(shapes.bar(60, 14, degrees, x, y), 80, scale))
            stretched = sum(np.linalg.norm(one.sides * scale, axis=1).sum() for one in outlines(runs))
            off.append((lengths(runs, scale)[0] - 148, stretched - 148))
    measured, stretched = np.array(off).T
    assert abs(measured.mean()) < bias
    assert abs(measured).max() < worst
    if scale[0] != scale[1]:
        assert abs(measured.mean()) < abs(stretched.mean()) / 2


def test_only_the_shape_of_a_pixel_matters() -> None:
    runs = Runs.of_mask(shapes.drawn(shapes.bar(60, 14, 40, 40, 40), 80, (1, 3)))
    assert lengths(runs, (0.02, 0.06))[0] == pytest.approx(0.02 * lengths(runs, (1, 3))[0])
    upright = Runs.of_mask(shapes.drawn(shapes.bar(60, 14, 40, 40, 40), 80, (1, 3)).T)
    assert lengths(upright, (3, 1))[0] == pytest.approx(lengths(runs, (1, 3))[0], rel=0.01)
