"""Defects counted by hand."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flawscope.results import RESULT_SCHEMA, InspectionResult, find_defects

MASK = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 2],
        [0, 0, 1, 0, 2, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
    ],
    dtype=np.uint8,
)


def test_regions_by_eight_neighbours_largest_first() -> None:
    probability = np.zeros((2, 5, 6), dtype=np.float32)
    probability[0, :2, :2], probability[0, 2, 2], probability[0, 4, 1] = 0.5, 1.0, 0.75
    probability[1, 1, 5], probability[1, 2, 4] = 0.25, 0.75
    first, second, third = find_defects(MASK, ("pit", "crack"), probability)
    assert (first.label, first.box, first.area) == ("pit", (0, 0, 3, 3), 5)
    assert first.centroid == pytest.approx((0.8, 0.8))  # x: (0+1+0+1+2)/5
    assert first.score == pytest.approx((4 * 0.5 + 1.0) / 5)
    assert (second.label, second.box, second.area) == ("crack", (4, 1, 2, 2), 2)
    assert second.centroid == pytest.approx((4.5, 1.5))
    assert second.score == pytest.approx(0.5)
    assert (third.label, third.box, third.area, third.score) == ("pit", (1, 4, 1, 1), 1, pytest.approx(0.75))


def test_small_regions_are_left_out_and_scores_default_to_one() -> None:
    found = find_defects(MASK, ("pit", "crack"), min_area=2)
    assert [(defect.area, defect.score) for defect in found] == [(5, 1.0), (2, 1.0)]


def test_a_clean_mask_has_no_defect() -> None:
    assert find_defects(np.zeros((4, 4), np.uint8), ("pit",)) == ()


def test_a_hole_is_in_the_contours_and_not_in_the_region() -> None:
    mask = np.ones((5, 7), dtype=np.uint8)
    mask[2, 2:5] = 0
    (ring,) = find_defects(mask, ("ring",))
    assert ring.area == 32
    assert len(ring.contours) == 2
    np.testing.assert_array_equal(ring.region(), mask.astype(bool))


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)))
def test_the_regions_of_all_defects_put_together_are_the_mask(mask: np.ndarray) -> None:
    rebuilt = np.zeros_like(mask)
    for defect in find_defects(mask, ("a", "b")):
        x, y, width, height = defect.box
        region = defect.region()
        assert int(region.sum()) == defect.area
        rebuilt[y : y + height, x : x + width][region] = ("a", "b").index(defect.label) + 1
    np.testing.assert_array_equal(rebuilt, mask)


def test_ten_thousand_defects_are_found_in_seconds() -> None:
    mask = np.zeros((2000, 2000), dtype=np.uint8)
    mask.reshape(100, 20, 100, 20)[:, 5:12, :, 4:15] = 1
    started = time.process_time()
    found = find_defects(mask, ("pit",), mask[None].astype(np.float32))
    assert time.process_time() - started < 5
    assert len(found) == 10_000
    assert {(defect.area, defect.score) for defect in found} == {(77, 1.0)}


def result() -> InspectionResult:
    return InspectionResult(
        source="a.png",
        mask=MASK,
        labels=("pit", "crack"),
        defects=find_defects(MASK, ("pit", "crack")),
        threshold=0.4,
        seconds=0.123456,
        weights="toy",
        extra={"note": "x"},
    )


def test_json_line() -> None:
    line = json.loads(json.dumps(result().to_json()))
    assert line["schema"] == RESULT_SCHEMA == "flawscope/result/1"
    assert (line["width"], line["height"], line["seconds"], line["note"]) == (6, 5, 0.1235, "x")
    assert line["defect_fraction"] == pytest.approx(8 / 30, abs=1e-6)
    assert line["defects"][1] == {
        "label": "crack",
        "score": 1.0,
        "box": [4, 1, 2, 2],
        "area_px": 2,
        "centroid": [4.5, 1.5],
    }


def test_rows_are_one_a_defect() -> None:
    rows = result().to_rows()
    assert [row["defect"] for row in rows] == [1, 2, 3]
    assert rows[2] == {
        "source": "a.png",
        "defect": 3,
        "label": "pit",
        "score": 1.0,
        "x": 1,
        "y": 4,
        "width": 1,
        "height": 1,
        "area_px": 1,
        "centroid_x": 1.0,
        "centroid_y": 4.0,
    }


def test_outlines_on_a_strip_are_not_as_wide_as_its_length_suggests() -> None:
    mask = np.zeros((64, 20_000), dtype=np.uint8)
    mask[30:34, 1000:1100] = 1
    strip = InspectionResult("a", mask, ("pit",), find_defects(mask, ("pit",)))
    changed = (strip.overlay(np.zeros((64, 20_000, 3), dtype=np.uint8)) > 0).any(axis=2)
    np.testing.assert_array_equal(changed, mask > 0)


def test_overlay_tints_defects_and_leaves_the_rest() -> None:
    mask = np.zeros((9, 9), dtype=np.uint8)
    mask[2:7, 2:7] = 1
    flat = InspectionResult("a", mask, ("pit",), find_defects(mask, ("pit",)))
    image = np.full((9, 9, 3), 100, dtype=np.uint8)
    overlay = flat.overlay(image, opacity=0.5)
    assert overlay[0, 0].tolist() == [100, 100, 100]
    assert overlay[4, 4].tolist() == [165, 78, 85]  # half of 100, half of (230, 57, 70); .5 rounds to even
    assert overlay[2, 2].tolist() == [230, 57, 70]
    assert (image == 100).all()
