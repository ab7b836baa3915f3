"""Measures of shapes whose sizes are known: to 1 % or one pixel."""

from __future__ import annotations

import importlib.util
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flawscope.inspect.calibration import Calibration
from flawscope.inspect.measure import Measures, measure
from flawscope.results import find_defects
from flawscope.runs import Runs

_spec = importlib.util.spec_from_file_location("shapes", Path(__file__).with_name("shapes.py"))
assert _spec is not None
assert _spec.loader is not None
shapes: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shapes)

ANGLES = (0, 7, 22.5, 30, 45, 60, 77, 90)


def close(found: float | None, known: float, pixel: float = 1.0) -> bool:
    return found is not None and abs(found - known) <= max(0.01 * known, pixel)


@pytest.mark.parametrize("degrees", ANGLES)
@pytest.mark.parametrize(("length", "width"), [(120, 16), (120, 6), (100, 3), (90, 50)])
def test_bars(length: float, width: float, degrees: float) -> None:
    found = measure(Runs.of_mask(shapes.drawn(shapes.bar(length, width, degrees, 72.3, 71.61), 144)))
    assert close(found.area_px, length * width, pixel=0.6 * length)  # the drawing is up to half a pixel wider
    assert close(found.length_px, length)
    assert close(found.width_mean_px, width, pixel=0.6)
    assert close(found.width_max_px, width)
    assert close(found.perimeter_px, 2 * (length + width))
    assert min(abs(found.orientation_deg - degrees), 180 - abs(found.orientation_deg - degrees)) < 0.5


@pytest.mark.parametrize(("radius", "width"), [(20, 4), (20, 8), (40, 12), (40, 30), (60, 6)])
def test_rings(radius: float, width: float) -> None:
    side = 2 * radius + width + 8
    found = measure(
        Runs.of_mask(shapes.drawn(shapes.arc(radius, width, (0, 360), side / 2, side / 2 + 0.3), side))
    )
    assert close(found.length_px, 2 * math.pi * radius)
    assert abs(found.width_mean_px / width - 1) < 0.02
    assert close(found.width_max_px, width, pixel=1.1)
    assert close(found.perimeter_px, 4 * math.pi * radius)


@pytest.mark.parametrize("degrees", [(0, 180), (30, 120), (20, 330), (200, 290)])
@pytest.mark.parametrize(("radius", "width"), [(20, 4), (20, 8), (40, 12), (60, 6)])
def test_arcs(radius: float, width: float, degrees: tuple[float, float]) -> None:
    side = 2 * radius + width + 8
    found = measure(
        Runs.of_mask(shapes.drawn(shapes.arc(radius, width, degrees, side / 2, side / 2 + 0.3), side))
    )
    length = math.radians(degrees[1] - degrees[0]) * radius
    assert close(found.length_px, length)
    assert close(found.width_mean_px, width, pixel=0.2)
    assert close(found.width_max_px, width)
    assert close(
        found.perimeter_px, 2 * (length + width), pixel=1.6
    )  # the same pixels can be arcs of 1.1 px more


@pytest.mark.parametrize("radius", [10, 20, 40, 80])
def test_discs(radius: float) -> None:
    side = 2 * radius + 6
    inside = shapes.arc(0, 2 * radius, (0, 360), side / 2, side / 2 - 0.2)
    found = measure(Runs.of_mask(shapes.drawn(inside, side)))
    assert close(found.length_px, 2 * radius)
    assert close(found.width_max_px, 2 * radius)
    assert close(found.perimeter_px, 2 * math.pi * radius)


@pytest.mark.parametrize("scale", [(1.0, 2.0), (2.5, 1.0), (1.0, 1.3), (1.0, 4.0)])
@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_oblong_pixels(scale: tuple[float, float], degrees: float) -> None:
    mask = shapes.drawn(shapes.bar(200, 24, degrees, 120.3, 120.4), 240, scale)
    found = measure(Runs.of_mask(mask), None, calibration(*scale))
    pixel = max(scale)
    assert close(found.area_mm2, 200 * 24, pixel=120 * pixel)
    assert close(found.length_mm, 200, pixel)
    assert close(found.width_mean_mm, 24, pixel)
    assert close(found.width_max_mm, 24, pixel)
    assert close(found.perimeter_mm, 448, pixel)
    assert abs(found.orientation_deg - degrees) < 1


def test_a_ring_of_oblong_pixels() -> None:
    found = measure(
        Runs.of_mask(shapes.drawn(shapes.arc(100, 30, (0, 360), 120, 120), 240, (1.0, 2.0))),
        None,
        calibration(1.0, 2.0),
    )
    assert close(found.length_mm, 200 * math.pi)
    assert close(found.perimeter_mm, 400 * math.pi)


def calibration(x: float, y: float) -> Calibration:
    return Calibration(id="a", mm_per_px_x=x, mm_per_px_y=y)


def test_square_pixels_only_scale() -> None:
    runs = Runs.of_mask(shapes.drawn(shapes.bar(60, 9, 20, 40, 40), 80))
    found = measure(runs, None, calibration(0.05, 0.05))
    assert found.area_mm2 == pytest.approx(found.area_px * 0.0025)
    assert found.length_mm == pytest.approx(found.length_px * 0.05)
    assert found.width_mean_mm == pytest.approx(found.width_mean_px * 0.05)
    assert found.width_max_mm == pytest.approx(found.width_max_px * 0.05)
    assert found.perimeter_mm == pytest.approx(found.perimeter_px * 0.05)


@pytest.mark.parametrize(
    ("mask", "length", "widest", "perimeter", "orientation"),
    [
        ([[1]], 1, 1, 4, 0),
        ([[1, 1], [1, 1]], 2, 2, 8, 0),
        ([[1] * 7], 7, 1, 16, 0),
        ([[1]] * 7, 7, 1, 16, 90),
        ([[1] * 40], 40, 1, 82, 0),
    ],
)
def test_the_smallest(
    mask: list[list[int]], length: float, widest: float, perimeter: float, orientation: float
) -> None:
    found = measure(Runs.of_mask(np.array(mask), left=3, top=5))
    assert found.length_px == pytest.approx(length, abs=0.51)
    assert found.width_max_px == pytest.approx(widest, abs=0.3)
    assert found.perimeter_px == pytest.approx(perimeter, abs=0.01)
    assert found.orientation_deg == pytest.approx(orientation)


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 1)))
def test_any_region_has_values(mask: np.ndarray) -> None:
    for defect in find_defects(mask, ("a",)):
        found = measure(defect, np.zeros(mask.shape, dtype=np.uint8), calibration(0.1, 0.3))
        numbers = [value for value in found.to_json().values() if value is not None]
        assert all(math.isfinite(value) for value in numbers)
        assert min(found.length_px, found.width_mean_px, found.width_max_px, found.perimeter_px) > 0
        assert 0 <= found.orientation_deg < 180


def test_a_pinhole_makes_no_ring() -> None:
    disc = shapes.drawn(shapes.arc(0, 60, (0, 360), 35, 35), 70)
    pierced = disc.copy()
    pierced[34:37, 34:37] = False
    assert close(measure(Runs.of_mask(pierced)).length_px, measure(Runs.of_mask(disc)).length_px)


def test_a_figure_eight_measures_its_larger_ring() -> None:
    small = shapes.arc(15, 4, (0, 360), 22, 50)
    large = shapes.arc(30, 4, (0, 360), 67, 50)
    mask = shapes.drawn(lambda x, y: small(x, y) | large(x, y), 105)
    found = measure(Runs.of_mask(mask))
    assert 0.97 * 60 * math.pi < found.length_px < 1.03 * 60 * math.pi


def test_contrast_is_against_a_ring_around() -> None:
    image = np.full((60, 60), 200, dtype=np.uint8)
    image[20:30, 20:30] = 50
    image[18:20, 20:30] = 0  # within the gap: counts nowhere
    image[:, 45:] = 0  # beyond the ring
    mask = np.zeros((60, 60), dtype=np.uint8)
    mask[20:30, 20:30] = 1
    (defect,) = find_defects(mask, ("a",))
    assert measure(defect, image).contrast == pytest.approx(-150 / 255)
    assert measure(defect, np.repeat(image[:, :, None], 3, axis=2)).contrast == pytest.approx(-150 / 255)
    assert measure(defect).contrast is None


def test_contrast_at_the_frame_and_without_a_ring() -> None:
    image = np.full((12, 40), 100, dtype=np.uint8)
    image[:, :5] = 151
    mask = np.zeros((12, 40), dtype=np.uint8)
    mask[:, :5] = 1
    assert measure(find_defects(mask, ("a",))[0], image).contrast == pytest.approx(0.2)
    assert measure(Runs.of_mask(np.ones((12, 40))), image).contrast is None


def test_json_leaves_out_millimetres_that_are_not_known() -> None:
    found = measure(Runs.of_mask(np.ones((4, 30))))
    assert list(found.to_json()) == [
        "contrast", "area_px", "length_px", "width_mean_px", "width_max_px", "perimeter_px", "orientation_deg",
    ]  # fmt: skip
    assert isinstance(found, Measures)


def test_a_scratch_of_thirty_thousand_rows() -> None:
    rows = np.arange(30_000)
    left = (4000 + 3000 * np.sin(rows / 16_000)).astype(np.int32)
    scratch = Runs(rows, left, left + np.int32(10))
    way = math.fsum(np.hypot(1, 3000 / 16_000 * np.cos(rows / 16_000)))
    started = time.process_time()
    found = measure(scratch)
    assert time.process_time() - started < 10
    assert found.length_px == pytest.approx(way, rel=0.01)
    assert found.perimeter_px == pytest.approx(2 * way, rel=0.01)
    assert found.width_max_px == pytest.approx(10, abs=1)
