"""Segment everything: each step by hand, then through a segmenter whose decoder says what the test wants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.errors import UsageError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from flawscope.segment.sam import load_sam  # noqa: E402
from flawscope.segment.sam_everything import (  # noqa: E402
    Everything,
    choose,
    foreground,
    point_grid,
    remove_specks,
    stability,
    suppress,
    visible_quality,
)


def block(rows: slice, columns: slice, inside: float = 6.0, outside: float = -6.0) -> torch.Tensor:
    mask = torch.full((16, 16), outside)
    mask[rows, columns] = inside
    return mask


def test_the_grid_lies_in_the_middles_of_cells() -> None:
    np.testing.assert_allclose(point_grid(2, 40, 80), [[20, 10], [60, 10], [20, 30], [60, 30]])
    np.testing.assert_allclose(point_grid(1, 3, 500), [[250, 1.5]])


def test_stability_is_the_iou_of_two_thresholds() -> None:
    unsure = block(slice(0, 4), slice(0, 4))
    unsure[0, 4:8] = 0.5  # above -1, not above 1: 16 of 20 pixels
    assert stability(
        torch.stack([block(slice(0, 4), slice(0, 4)), unsure, torch.full((16, 16), -9.0)]), 1.0
    ).tolist() == [
        1.0,
        pytest.approx(0.8),
        0.0,
    ]


def test_of_masks_that_overlap_the_best_stays() -> None:
    masks = torch.stack([block(slice(0, 8), slice(0, end)) > 0 for end in (8, 6, 5, 16)])
    # IoU of 0 and 1 is 48/64 = .75, of 1 and 2 40/48 = .83, of 0 and 2 .625, of 3 with the others at most .5
    assert suppress(masks, torch.tensor([0.9, 0.95, 0.94, 0.1]), 0.7) == [1, 3]
    assert suppress(masks, torch.tensor([0.96, 0.95, 0.94, 0.1]), 0.7) == [0, 2, 3]
    assert suppress(masks, torch.tensor([0.9, 0.9, 0.9, 0.9]), 1.0) == [0, 1, 2, 3]
    assert suppress(masks[:0], torch.zeros(0), 0.7) == []


def test_a_frame_and_its_filling_have_one_box_but_are_two_masks() -> None:
    whole = torch.ones(16, 16, dtype=torch.bool)
    frame = whole.clone()
    frame[3:13, 3:13] = False
    assert suppress(torch.stack([whole, frame]), torch.tensor([0.9, 0.8]), 0.7) == [0, 1]


def test_masks_are_chosen_by_quality_and_stability_largest_first() -> None:
    shaky = block(slice(8, 12), slice(0, 4), inside=0.5)
    masks = torch.stack(
        [
            block(slice(0, 2), slice(0, 2)),
            block(slice(4, 8), slice(4, 8)),
            shaky,
            block(slice(9, 16), slice(9, 16)),
        ]
    )
    assert choose(masks, torch.tensor([0.9, 0.95, 0.99, 0.5]), Everything()) == [1, 0]
    assert choose(masks, torch.tensor([0.9, 0.95, 0.99, 0.9]), Everything(stability_score_thresh=-1)) == [
        3,
        1,
        2,
        0,
    ]
    assert choose(masks, torch.zeros(4), Everything()) == []


def test_the_uncovered_rest_can_be_the_background() -> None:
    one = np.array([[0.9, 0.6, 0.2, 0.1, 0.0, 0.3]], dtype=np.float32)
    answer, visible = foreground(1, lambda _: one, (1, 6))
    np.testing.assert_array_equal(answer, one[None])
    assert visible == [2]


def test_a_mask_can_be_the_background_and_what_is_painted_over_it_is_not() -> None:
    ground = np.array([[0.9, 0.8, 0.7, 0.9, 0.4, 0.2]], dtype=np.float32)
    spot = np.array([[0.1, 0.7, 0.2, 0.3, 0.0, 0.1]], dtype=np.float32)
    answer, visible = foreground(2, [ground, spot].__getitem__, (1, 6))
    np.testing.assert_allclose(answer[0], [[0.1, 0.7, 0.3, 0.3, 0.6, 0.8]], atol=1e-6)
    assert visible == [3, 1]
    np.testing.assert_array_equal(answer[0] > 0.5, [[False, True, False, False, True, True]])


def test_above_one_half_is_where_another_region_shows() -> None:
    """Against the rule itself, on random masks: paint, count, everything but the commonest number."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        masks = rng.random((int(rng.integers(0, 5)), 7, 9)).astype(np.float32) ** rng.uniform(0.3, 3)
        painted = np.zeros((7, 9), dtype=int)
        for number, mask in enumerate(masks, start=1):
            painted = np.where(mask > 0.5, number, painted)
        numbers, counts = np.unique(painted, return_counts=True)
        expected = painted != numbers[counts.argmax()]
        answer, visible = foreground(len(masks), masks.__getitem__, (7, 9))
        np.testing.assert_array_equal(answer[0] > 0.5, expected)
        assert visible == [(painted == number).sum() for number in range(1, len(masks) + 1)]


def test_specks_go_by_area_and_thin_lines_stay() -> None:
    probability = np.full((1, 30, 40), 0.2, dtype=np.float32)
    probability[0, 15, 5:35] = 0.9  # a scratch one pixel wide, which opening would erase
    probability[0, 2:5, 2:5] = 0.8
    cleaned = remove_specks(probability, 10)
    assert (cleaned[0, 15, 5:35] == np.float32(0.9)).all()
    assert not cleaned[0, 2:5, 2:5].any()
    assert cleaned[0, 0, 0] == np.float32(0.2)


def test_quality_is_weighted_by_what_shows() -> None:
    assert visible_quality([1.2, 0.5], [30, 10]) == pytest.approx(0.875)
    assert visible_quality([0.9], [0]) is None
    assert visible_quality([], []) is None


def test_a_bright_spot_on_a_segmented_ground(
    sam_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder finds the ground and the spot at every point; 40 x 60 fills 22 rows of 32 in the square of 64."""
    segmenter = load_sam(sam_folder("sam"), device="cpu", everything=Everything(min_area=5))
    ground, spot = torch.full((32, 32), -8.0), torch.full((32, 32), -8.0)
    ground[:22], spot[4:10, 8:20] = 8.0, 8.0
    ground[4:10, 8:20] = -8.0
    seen: list[np.ndarray] = []

    def masks_at(_embedding: object, places: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(places)
        return torch.stack([ground, spot, spot]), torch.tensor([0.97, 0.93, 0.9])

    monkeypatch.setattr(segmenter.engine, "masks_at", masks_at)
    answer = segmenter.segment(np.zeros((40, 60), dtype=np.uint8))
    (places,) = seen
    assert places.shape == (16, 2)  # half as many a side as the 8 cells
    assert places[:, 1].max() < 43
    mask = answer.probability[0] > 0.5
    expected = np.zeros((40, 60), dtype=bool)
    expected[round(8 * 40 / 43) : round(20 * 40 / 43), round(16 * 60 / 64) : round(40 * 60 / 64)] = True
    assert (mask & expected).sum() / (mask | expected).sum() > 0.9
    assert 0.93 < (answer.quality or 0) < 0.97
    assert len(np.unique(answer.probability)) > 10, "the border keeps its probabilities"


def test_nothing_found_is_an_empty_answer(sam_folder: Callable[[str], Path]) -> None:
    strict = Everything(points_per_side=2, pred_iou_thresh=1e6)
    answer = load_sam(sam_folder("sam2"), device="cpu", everything=strict).segment(
        np.zeros((9, 9), dtype=np.uint8)
    )
    assert answer.probability.sum() == 0
    assert answer.quality is None
    with pytest.raises(UsageError, match="points_per_side must be at least 1"):
        Everything(points_per_side=0)
