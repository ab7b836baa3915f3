import numpy as np
import pytest

from flawscope.study import Run, StoredRun
from flawscope.study.comparing import figure, gap, image_means


def stored(seed: int, values: list[float], groups: list[str] | None = None) -> StoredRun:
    images = {
        f"i{number}": {
            "iou_fg": value,
            "wfm": value,
            "mae": 1 - value,
            **({"group": groups[number]} if groups else {}),
        }
        for number, value in enumerate(values)
    }
    figures = {"iou_fg_image_mean": float(np.mean(values)), "s_measure": 0.5 + seed / 10}
    standard = {"figures": figures, "intervals_95": {"iou_fg_image_mean": [0.1, 0.9], "s_measure": None}}
    return StoredRun(Run("s", "r", seed), {"tests": {"t": {"standard": standard, "images": images}}})


def test_one_seed_has_the_interval_of_its_run_and_several_a_spread() -> None:
    one = figure([stored(0, [0.2, 0.4])], "t", "iou_fg_image_mean")
    assert one is not None
    assert (one.mean, one.spread, one.low, one.high, one.seeds) == (pytest.approx(0.3), None, 0.1, 0.9, 1)
    runs = [stored(0, [0.2, 0.4]), stored(1, [0.4, 0.6])]
    two = figure(runs, "t", "iou_fg_image_mean")
    assert two is not None
    assert two.mean == pytest.approx(0.4)
    assert two.spread == pytest.approx(0.2 / 2**0.5)
    assert two.low == pytest.approx(0.3)  # of two images, of which one may be drawn twice
    assert two.high == pytest.approx(0.5)
    other = figure(runs, "t", "s_measure")
    assert other is not None
    assert (other.low, other.high) == (None, None)
    assert figure(runs, "elsewhere", "wfm") is None


def test_gap_is_paired_over_images_and_seeds() -> None:
    mine = [stored(0, [0.5, 0.9, 0.1]), stored(1, [0.7, 0.9, 0.1])]
    theirs = [stored(0, [0.5, 0.8, 0.0])]
    found = gap(mine, theirs, "t")
    assert found is not None
    assert found.mean == pytest.approx(0.1)  # each image is .1 better
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)
    assert found.certain
    assert found.images == 3
    assert image_means(mine, "t", "iou_fg") == pytest.approx({"i0": 0.6, "i1": 0.9, "i2": 0.1})
    assert gap(mine, [], "t") is None


def test_images_of_one_piece_are_drawn_together() -> None:
    generator = np.random.default_rng(0)
    wins = np.repeat(generator.normal(0.02, 0.1, 10), 10)  # ten pieces of ten images that agree
    pieces = [f"p{number // 10}" for number in range(100)]
    mine, theirs = [stored(0, list(0.5 + wins), pieces)], [stored(0, [0.5] * 100, pieces)]
    alone = gap([stored(0, list(0.5 + wins))], [stored(0, [0.5] * 100)], "t")
    together = gap(mine, theirs, "t")
    assert alone is not None
    assert together is not None
    assert together.high - together.low > 2 * (alone.high - alone.low)
