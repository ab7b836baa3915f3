"""Points and boxes from maps drawn by hand."""

from __future__ import annotations

import numpy as np

from flawscope.segment.support_prompts import prompts_from


def drawn() -> np.ndarray:
    similarity = np.full((60, 100), 0.1, dtype=np.float32)
    similarity[10:21, 20:31] = 0.9  # 11 x 11, centre (25, 15)
    similarity[40:45, 60:91] = 0.7  # 31 x 5, centre row 42
    similarity[55, 5] = 0.95  # a speck
    return similarity


def test_blobs_give_centres_and_boxes_in_order_of_their_mass() -> None:
    prompts = prompts_from(drawn(), points=3, background=0)  # mass 108.9 and 108.5
    assert prompts.point_labels.tolist() == [1, 1]
    assert prompts.points[0].tolist() == [25, 15]
    assert prompts.points[1, 1] == 42
    assert 62 <= prompts.points[1, 0] <= 88
    assert prompts.boxes.tolist() == [[20, 10, 11, 11], [60, 40, 31, 5]]
    assert prompts.mask is not None
    one = prompts_from(drawn(), points=1, background=0)
    assert one.boxes.tolist() == [[20, 10, 11, 11]]


def test_a_lone_speck_is_better_than_nothing() -> None:
    similarity = np.zeros((60, 100), dtype=np.float32)
    similarity[55, 5] = 0.95
    prompts = prompts_from(similarity)
    assert prompts.points[0].tolist() == [5, 55]
    assert prompts.boxes.tolist() == [[5, 55, 1, 1]]


def test_background_points_are_far_from_blobs_border_and_each_other() -> None:
    prompts = prompts_from(drawn(), background=2)
    assert prompts.point_labels.tolist() == [1, 1, 0, 0]
    far = prompts.points[2:]
    for x, y in far:
        assert drawn()[int(y), int(x)] < 0.5
        assert min(x, y, 99 - x, 59 - y) >= 10
        rows, columns = np.nonzero(drawn() > 0.5)
        assert np.hypot(rows - y, columns - x).min() >= 10
    assert np.hypot(*(far[0] - far[1])) >= 10


def test_nothing_above_one_half_gives_no_place() -> None:
    similarity = np.full((20, 30), 0.5, dtype=np.float32)
    prompts = prompts_from(similarity)
    assert len(prompts.points) == len(prompts.boxes) == len(prompts.point_labels) == 0
    assert prompts.mask is similarity


def test_a_map_that_is_all_defect_has_no_background_point() -> None:
    prompts = prompts_from(np.ones((9, 9), dtype=np.float32))
    assert prompts.point_labels.tolist() == [1]
    assert prompts.points.tolist() == [[4, 4]]
    assert prompts.boxes.tolist() == [[0, 0, 9, 9]]
