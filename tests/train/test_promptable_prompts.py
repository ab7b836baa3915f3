import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from flawscope.train.promptable.prompts import (
    BESIDE,
    BOTTOM_RIGHT,
    ON,
    PADDING,
    TOP_LEFT,
    inner_distance,
    rough_mask,
    sample_box,
    sample_tokens,
)


@pytest.fixture
def region() -> np.ndarray:
    """A bar and a dot in a square of 64."""
    region = np.zeros((64, 64), bool)
    region[10:20, 5:45] = True
    region[40, 50] = True
    return region


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_each_click_lies_where_its_kind_says(region: np.ndarray, count: int) -> None:
    seen = set()
    for seed in range(80):
        tokens = sample_tokens(np.random.default_rng(seed), region, count, filled=(50, 64))
        assert tokens.places.shape == (count, 2)
        kinds = tokens.kinds.tolist()
        assert kinds[-2:] == [TOP_LEFT, BOTTOM_RIGHT] or kinds[-1] == PADDING
        assert kinds[0] in (ON, TOP_LEFT)
        for (x, y), kind in zip(tokens.places.astype(int).tolist(), kinds, strict=True):
            if kind == ON:
                assert region[y, x]
            if kind == BESIDE:
                assert not region[y, x]
                assert y < 50, "nobody clicks on padding"
        seen.update(kinds)
    assert {ON, PADDING, TOP_LEFT, BOTTOM_RIGHT} <= seen
    assert (BESIDE in seen) == (count > 2)


def test_a_region_that_is_everything_has_no_click_beside_it() -> None:
    everything = np.ones((16, 16), bool)
    for seed in range(20):
        assert BESIDE not in sample_tokens(np.random.default_rng(seed), everything, 4).kinds


def test_what_no_box_may_ask_for_gets_clicks_alone() -> None:
    region = np.zeros((64, 64), bool)
    region[8:40, 8:40] = True
    told = [sample_tokens(np.random.default_rng(seed), region, 3, boxable=False) for seed in range(40)]
    assert all(tokens.kinds[-1] == PADDING for tokens in told)
    boxed = [sample_tokens(np.random.default_rng(seed), region, 3) for seed in range(40)]
    assert any(tokens.kinds[-1] == BOTTOM_RIGHT for tokens in boxed)


def test_boxes_are_tight_or_off_by_little(region: np.ndarray) -> None:
    boxes = np.array([sample_box(np.random.default_rng(seed), region) for seed in range(60)])
    tight = np.array([5, 10, 51, 41], np.float32)
    exact = (boxes == tight).all(axis=1)
    assert 15 < exact.sum() < 45
    assert np.abs(boxes - tight).max() < 0.25 * 64


def test_inner_distance_counts_the_frame_as_outside() -> None:
    everything = np.ones((9, 9), bool)
    distance = inner_distance(everything)
    assert distance.argmax() == 4 * 9 + 4
    assert distance[4, 4] == pytest.approx(5, abs=0.1)
    assert distance[0, 4] == 1


def test_rough_masks_are_log_odds_near_the_region(region: np.ndarray) -> None:
    region = np.kron(region, np.ones((4, 4), bool))
    overlaps = []
    for seed in range(20):
        rough = rough_mask(np.random.default_rng(seed), region)
        assert rough.shape == (128, 128)
        assert np.abs(rough).max() <= np.log(999) + 1e-3
        small = region[::2, ::2]
        overlaps.append(((rough > 0) & small).sum() / ((rough > 0) | small).sum())
    assert np.median(overlaps) > 0.5
    assert np.median(overlaps) < 0.95, "a perfect mask teaches nothing"
