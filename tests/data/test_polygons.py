import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flawscope.data.polygons import box, ellipse, fill, rotate, stroke


def drawn(mask):
    return ["".join("#" if value else "." for value in row) for row in mask]


def test_a_box_covers_exactly_the_pixels_between_its_corners():
    assert drawn(fill([box(1, 1, 4, 3)], 4, 6)) == ["......", ".###..", ".###..", "......"]


def test_a_triangle_takes_the_pixels_whose_centres_it_holds():
    # The slanted side runs from (4, 0) to (0, 4): centres with x + y < 4 are inside, those on it are not.
    ring = np.array([[0, 0], [4, 0], [0, 4]], dtype=float)
    assert drawn(fill([ring], 4, 4)) == ["###.", "##..", "#...", "...."]


def test_a_centre_on_an_edge_belongs_left_and_above_but_not_right_and_below():
    assert drawn(fill([box(0.5, 0.5, 2.5, 2.5)], 4, 4)) == ["##..", "##..", "....", "...."]


def test_a_hole_is_cut_out():
    assert drawn(fill([box(0, 0, 5, 4), box(1, 1, 4, 3)], 4, 5)) == ["#####", "#...#", "#...#", "#####"]


def test_what_lies_outside_the_image_is_cut_off():
    assert drawn(fill([box(-3, -3, 2, 1)], 2, 3)) == ["##.", "..."]
    assert not fill([box(10, 10, 20, 20)], 4, 4).any()


def test_an_outline_too_thin_for_any_centre_marks_the_pixels_it_passes():
    assert drawn(fill([box(1.1, 0.6, 4.9, 0.9)], 2, 6)) == [".####.", "......"]


@given(st.floats(-2, 12), st.floats(-2, 12), st.floats(0.6, 8), st.floats(0.6, 8), st.floats(0.2, 0.8))
def test_neighbours_that_share_an_edge_neither_overlap_nor_leave_a_gap(x, y, width, height, cut):
    middle = x + cut * width
    parts = [(x, y, middle, y + height), (middle, y, x + width, y + height), (x, y, x + width, y + height)]
    ruled = [_centres(*part) for part in parts]
    assume(all(mask.any() for mask in ruled))
    left, right, whole = (fill([box(*part)], 10, 10).astype(int) for part in parts)
    np.testing.assert_array_equal(left + right, whole)
    np.testing.assert_array_equal(whole, ruled[2])


def _centres(left, top, right, bottom):
    """The rule in words: a centre from the left edge on, before the right edge; likewise above and below."""
    at = np.arange(10) + 0.5
    columns, rows = (at >= left) & (at < right), (at >= top) & (at < bottom)
    return rows[:, None] & columns[None, :]


def test_an_ellipse_has_the_area_of_an_ellipse():
    mask = fill([ellipse(50, 50, 30, 20)], 100, 100)
    assert mask.sum() == pytest.approx(np.pi * 30 * 20, rel=0.005)
    distance = ((np.arange(100) + 0.5 - 50) / 30) ** 2 + (((np.arange(100) + 0.5 - 50) / 20) ** 2)[:, None]
    assert mask[distance < 0.99].all()
    assert not mask[distance > 1.01].any()


def test_rotation_is_clockwise_on_the_screen():
    turned = rotate(np.array([[2.0, 0.0]]), 90, (0, 0))
    np.testing.assert_allclose(turned, [[0.0, 2.0]], atol=1e-12)


def test_a_line_is_one_pixel_wide():
    assert drawn(stroke(np.array([[0.5, 0.5], [3.5, 3.5]]), 4, 4)) == ["#...", ".#..", "..#.", "...#"]
    assert drawn(stroke(np.array([[1.2, 0.1], [1.2, 2.9]]), 3, 3)) == [".#.", ".#.", ".#."]
