import numpy as np
import pytest

from flawscope.metrics import boundary, boundary_f, boundary_scores, surface_distance

EMPTY = np.zeros((30, 30), dtype=bool)


def box(top: int, left: int, size: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[top : top + size, left : left + size] = True
    return mask


def test_boundary_is_the_outer_ring() -> None:
    ring = boundary(box(5, 5, 4))
    assert ring.sum() == 12
    assert not ring[6:8, 6:8].any()
    assert boundary(box(0, 0, 30)).sum() == 4 * 29  # closed along the border of the image


def test_a_shift_within_the_tolerance_costs_nothing() -> None:
    assert boundary_scores(box(10, 10, 8), box(10, 12, 8), tolerance=2) == (1.0, 1.0)
    assert boundary_scores(box(10, 10, 8), box(11, 11, 8), tolerance=1.4) != (1.0, 1.0)
    assert boundary_scores(box(10, 10, 8), box(11, 11, 8), tolerance=1.5) == (1.0, 1.0)


def test_one_pixel_shift_without_tolerance_by_hand() -> None:
    # two 4x4 boxes side by side by one: rings of 12; in common are the upper and the lower side but one pixel
    # each (2 * 3), and the answer's left column meets nothing, its right column at column 9 neither
    answer, truth = box(5, 6, 4), box(5, 5, 4)
    common = (boundary(answer) & boundary(truth)).sum()
    assert common == 6
    assert boundary_f(answer, truth, tolerance=0) == pytest.approx(6 / 12)
    assert surface_distance(answer, truth, tolerance=0) == pytest.approx(12 / 24)


def test_f_and_surface_distance_differ_where_lengths_differ() -> None:
    # the answer is the true box and another far away: precision 12 / 40, recall 1
    truth = box(2, 2, 4)
    answer = truth | box(15, 15, 8)
    assert boundary(answer).sum() == 12 + 28
    assert boundary_f(answer, truth, tolerance=1) == pytest.approx(2 * 0.3 / 1.3)
    assert surface_distance(answer, truth, tolerance=1) == pytest.approx((12 + 12) / (40 + 12))
    assert boundary_scores(truth, answer, tolerance=1) == pytest.approx(
        boundary_scores(answer, truth, tolerance=1)
    )


def test_the_rule_for_empty_masks() -> None:
    assert boundary_scores(EMPTY, EMPTY) == (1.0, 1.0)
    assert boundary_scores(box(3, 3, 3), EMPTY) == (0.0, 0.0)
    assert boundary_scores(EMPTY, box(3, 3, 3)) == (0.0, 0.0)
    assert boundary_scores(~EMPTY, EMPTY) == (0.0, 0.0)


def test_far_apart_scores_nothing() -> None:
    assert boundary_scores(box(0, 0, 5), box(20, 20, 5)) == (0.0, 0.0)
