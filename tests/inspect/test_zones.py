"""Where a box lies to a zone, against counting pixels."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawscope.inspect.zone_shapes import Polygon
from flawscope.inspect.zones import ZoneDescription

STAR = np.array([(2, 2), (20, 9), (38, 3), (30, 18), (37, 36), (19, 29), (3, 38), (9, 20)], dtype=float)
BOXES = st.tuples(
    st.integers(0, 38), st.integers(0, 38), st.integers(1, 30), st.integers(1, 30)
)  # whole pixels, as boxes of defects are


@given(BOXES)
def test_a_box_against_a_polygon_drawn_finely(box: tuple[int, int, int, int]) -> None:
    fine = 16
    drawn = np.zeros((80 * fine, 80 * fine), dtype=np.uint8)
    cv2.fillPoly(drawn, [(STAR * fine).astype(np.int32)], 1)
    x, y, width, height = (value * fine for value in box)
    share = drawn[y + 1 : y + height - 1, x + 1 : x + width - 1].mean()
    polygon = Polygon(STAR)
    # within a sixteenth of a pixel of a side the drawing cannot tell
    if share > 0.001:
        assert polygon.touches(box)
    if share == 0 and not drawn[max(y - 2, 0) : y + height + 2, max(x - 2, 0) : x + width + 2].any():
        assert not polygon.touches(box)
    if share < 0.999:
        assert not polygon.contains(box)
    if share == 1 and drawn[max(y - 2, 0) : y + height + 2, max(x - 2, 0) : x + width + 2].all():
        assert polygon.contains(box)


def test_a_polygon_inside_the_box_and_one_beside_it() -> None:
    polygon = Polygon(np.array([(10.0, 10.0), (12.0, 10.0), (11.0, 12.0)]))
    assert polygon.touches((0, 0, 50, 50))
    assert not polygon.contains((0, 0, 50, 50))
    assert not polygon.touches((12, 10, 5, 5))


class Scale:
    id = "bench"
    mm_per_px_x = 0.5
    mm_per_px_y = 0.25


@pytest.mark.parametrize(
    ("description", "inside", "across", "beside"),
    [
        ({"columns": [10, 20]}, (10, 0, 10, 9), (19, 3, 5, 5), (20, 0, 5, 5)),
        ({"columns": [10, 20], "rows": [5, 9]}, (12, 5, 3, 4), (12, 8, 3, 3), (12, 9, 3, 3)),
        ({"unit": "share", "columns": [0.5, 1]}, (50, 0, 50, 9), (45, 0, 10, 9), (40, 0, 10, 9)),
        ({"unit": "share", "rows": [0, 0.1]}, (0, 0, 9, 20), (0, 15, 9, 9), (0, 20, 9, 9)),
        ({"unit": "mm", "columns": [0, 5], "rows": [0, 5]}, (0, 0, 10, 20), (9, 0, 2, 2), (0, 20, 5, 5)),
        ({"unit": "mm", "edges": {"left": 2, "right": 2}}, (96, 0, 4, 99), (3, 0, 3, 3), (4, 0, 92, 200)),
        ({"edges": {"bottom": 3}}, (0, 197, 5, 3), (0, 190, 5, 9), (0, 190, 5, 7)),
        ({"polygon": [[0, 0], [40, 0], [0, 40]]}, (1, 1, 9, 9), (15, 15, 20, 20), (30, 30, 5, 5)),
    ],
)
def test_zones_in_every_unit(description: dict[str, Any], inside: Any, across: Any, beside: Any) -> None:
    """In an image of 100 columns and 200 rows, with pixels of 0.5 by 0.25 mm."""
    zone = ZoneDescription.model_validate(description).place(100, 200, Scale())
    assert zone is not None
    assert [(zone.touches(box), zone.contains(box)) for box in (inside, across, beside)] == [
        (True, True),
        (True, False),
        (False, False),
    ]


@pytest.mark.parametrize(
    "description",
    [{"columns": [100, 120]}, {"rows": [200, 210]}, {"polygon": [[100, 0], [110, 0], [110, 9]]}],
)
def test_a_zone_outside_the_image_has_no_place(description: dict[str, Any]) -> None:
    assert ZoneDescription.model_validate(description).place(100, 200, None) is None


def test_a_strip_without_an_end() -> None:
    columns = ZoneDescription.model_validate({"columns": [10, 20]})
    assert not columns.needs_height
    zone = columns.place(100, None, None)
    assert zone is not None
    assert zone.contains((12, 10**9, 3, 10**6))
    assert zone.shapes[0].bottom == math.inf  # type: ignore[union-attr]
    for description in (
        {"unit": "share", "rows": [0, 0.5]},
        {"edges": {"bottom": 1}},
        {"unit": "share", "edges": {"top": 0.1}},
    ):
        assert ZoneDescription.model_validate(description).needs_height
