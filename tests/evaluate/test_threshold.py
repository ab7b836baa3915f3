"""The trade-off of escapes and overkill, against counting by hand and against scipy's binomial test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from flawscope.data.masks import Clean, MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.evaluate import threshold_drawing
from flawscope.evaluate.threshold_files import write_tradeoff
from flawscope.evaluate.threshold_looks import GRID, Look, by_decision, by_defect, by_image, look_at
from flawscope.evaluate.threshold_tradeoff import Tradeoff, rate_of
from flawscope.images import write_image
from flawscope.metrics.defects import count_defects
from flawscope.segment.base import binarize, without_specks

BLANK = np.zeros((20, 24), np.uint8)


def place(threshold: float) -> int:
    return int(np.argmin(np.abs(GRID - threshold)))


def look(name: str, wrong_below: float, defective: bool, piece: str | None = None) -> Look:
    """An image that is rejected below a threshold."""
    rejected = wrong_below > GRID
    return Look(name, piece or name, defective, 1, (~rejected if defective else rejected).astype(np.int64))


def seen(*looks: Look) -> Tradeoff:
    from flawscope.evaluate.threshold_looks import Looks

    return Tradeoff.of(Looks("toy", "set", list(looks)))


def test_the_grid_is_fine_at_both_ends() -> None:
    assert GRID[[0, 8, 9, -10, -1]].tolist() == [0.001, 0.009, 0.01, 0.99, 0.999]
    assert (np.diff(GRID) > 0).all()


def random_case(seed: int, classes: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    soft = generator.random((classes, 20, 24), dtype=np.float32) ** 2 / classes
    soft[:, 4:9, 4:9] = generator.random((classes, 5, 5), dtype=np.float32) / classes
    truth = np.zeros((20, 24), np.uint8)
    if seed % 3:
        truth[4:9, 4:9] = 1
        truth[14:18, 10:20] = classes
    return soft, truth


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("min_area", [1, 4, 40])
def test_an_image_is_rejected_as_predict_would_find_something(classes: int, min_area: int) -> None:
    for seed in range(6):
        soft, truth = random_case(seed, classes)
        units, wrong = by_image(min_area)(soft, truth, BLANK)
        found = [bool(without_specks(binarize(soft, float(t)), min_area).any()) for t in GRID]
        assert units == 1
        assert wrong.tolist() == [answer != bool(truth.any()) for answer in found]


@pytest.mark.parametrize("classes", [1, 3])
def test_defects_escape_as_evaluate_counts_them(classes: int, tmp_path: Path) -> None:
    labels = tuple(f"kind {number}" for number in range(1, classes + 1))
    data = SegmentationData("toy", tmp_path, labels, ())
    for seed in (1, 2, 4):
        soft, truth = random_case(seed, classes)
        units, wrong = by_defect(labels, data)(soft, truth, BLANK)
        missed, true = [], 0
        for threshold in GRID:
            answer = binarize(soft, float(threshold))
            counts = [count_defects(answer, truth, number) for number in range(1, classes + 1)]
            true = sum(len(one.areas) for one in counts)
            missed.append(true - sum(int(one.found.sum()) for one in counts))
        assert units == true
        assert wrong.tolist() == missed


def test_a_decision_is_asked_only_where_the_mask_changes() -> None:
    soft = np.zeros((1, 4, 4), np.float32)
    soft[0, 0, 0], soft[0, 1, 1] = 0.3, 0.7
    asked: list[int] = []

    def two_pixels(mask: Any, probability: Any, image: Any) -> bool:
        assert probability is soft
        assert image is BLANK
        asked.append(int(mask.sum()))
        return asked[-1] == 2

    _, wrong = by_decision(two_pixels)(soft, np.zeros((4, 4), np.uint8), BLANK)
    assert asked == [2, 1, 0]
    assert wrong.tolist() == [int(threshold < 0.3) for threshold in GRID]


def test_rates_count_pieces_and_their_intervals_are_exact() -> None:
    """Ten pieces, one look each, defective: rejected below 0.05, 0.15, ..., 0.95."""
    rate = rate_of("escape", [look(f"{i}", 0.05 + i / 10, True) for i in range(10)])
    for threshold, escaped in ((0.001, 0), (0.1, 1), (0.5, 5), (0.96, 10)):
        at = place(threshold)
        interval = binomtest(escaped, 10).proportion_ci(0.95, method="exact")
        assert rate.value[at] == escaped / 10
        assert (rate.low[at], rate.high[at]) == pytest.approx((interval.low, interval.high), abs=1e-9)
        shown = binomtest(escaped, 10, alternative="less").proportion_ci(0.95, method="exact").high
        assert rate.at_most[at] == pytest.approx(shown, abs=1e-9)


def test_images_of_one_piece_share_one_vote() -> None:
    """Six looks at one piece and one at another: two pieces, not seven; half an escape rounds outwards."""
    looks = [look(f"a{i}", 0.8 if i % 2 else 0.2, True, "a") for i in range(6)] + [look("b", 0.8, True)]
    rate = rate_of("escape", looks)
    at = place(0.5)
    assert (rate.pieces, rate.images, rate.units) == (2, 7, 7)
    assert rate.value[at] == 0.25  # (3 of 6 + 0 of 1) / 2
    assert rate.low[at] == 0
    assert rate.high[at] == pytest.approx(binomtest(1, 2).proportion_ci(0.95, method="exact").high, abs=1e-9)


def test_what_forty_pieces_can_show() -> None:
    tradeoff = seen(*(look(f"{i}", 0.9, True) for i in range(40)))
    assert tradeoff.escape.least_shown == pytest.approx(0.0722, abs=5e-5)
    first, second, last = tradeoff.warnings("escape", 0.01)
    assert first == (
        "With 40 defective pieces no escape rate below 7.2 % can be shown at 95 %; 1 % takes 299 pieces, "
        "none of them wrong."
    )
    assert second == "There is no sound piece among these images: nothing is known of the overkill rate."
    assert "check it on others" in last


def test_choosing() -> None:
    tradeoff = seen(
        *(look(f"d{i}", 0.105 + i / 10, True) for i in range(9)),
        *(look(f"s{i}", 0.105 + i / 10, False) for i in range(9)),
    )

    def chosen(*wanted: Any, **options: Any) -> float | None:
        at = tradeoff.choose(*wanted, **options)
        return None if at is None else float(GRID[at])

    assert chosen("escape", 0) == 0.1
    assert chosen("escape", 1 / 9) == 0.2
    assert chosen("overkill", 0) == 0.91
    assert chosen("overkill", 1 / 9) == 0.81
    assert chosen("overkill", 1) == 0.001
    # nine pieces, none wrong, show 28.3 %
    assert chosen("escape", 0.28, shown=True) is None
    assert chosen("escape", 0.29, shown=True) == 0.1
    assert chosen("overkill", 0.29, shown=True) == 0.91


def test_odd_thresholds_are_told() -> None:
    tradeoff = seen(*(look(f"d{i}", 0.105 + i / 10, True) for i in range(9)))
    assert tradeoff.doubts(place(0.4)) == []
    (line,) = tradeoff.doubts(place(0.9))
    assert "At 0.9 89% of what is defective escapes" in line
    for lying in (0.001, 0.01):
        (line,) = tradeoff.doubts(place(lying))
        assert line.startswith(f"{lying:g} lies at an end of the scale")
    (line,) = seen(look("d", 1.0, True)).doubts(place(0.999))
    assert line.startswith("0.999 lies at an end of the scale")


def test_what_was_not_chosen_is_not_said_to_be() -> None:
    tradeoff = seen(look("d", 0.5, True), look("s", 0.5, False))
    assert tradeoff.warnings("escape", 0.5)[-1].startswith("The threshold was chosen on these images")
    lines = tradeoff.warnings("escape", 0.5, chosen=False)
    assert lines[0].startswith("With 1 defective piece no escape rate")
    assert not any("was chosen" in line for line in lines)


def test_a_threshold_at_the_end_is_drawn_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(threshold_drawing, "save_figure", lambda figure, path: drawn.append(figure) or path)
    threshold_drawing.draw_tradeoff(seen(look("d", 0.5, True)), tmp_path / "a.png", chosen=0.999)
    (axes,) = drawn[0].axes
    left, right = axes.get_xlim()
    assert left < 0
    assert right > 1.01


def test_a_rate_that_is_good_only_in_between_is_not_chosen() -> None:
    """Rules can reject less at a low threshold; the safe end decides."""
    odd = Look("odd", "odd", True, 1, ((GRID < 0.3) | (GRID > 0.6)).astype(np.int64))
    assert seen(odd).choose("escape", 0.5) is None


def test_images_stream_and_one_bad_file_stops_nothing(
    small_set: SegmentationData, brightness: Callable[..., Any], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    samples = (*small_set.samples, Sample("broken", broken, Clean(), split="test"), Sample("bare", broken))
    data = SegmentationData("small", small_set.root, ("defect",), samples)
    done: list[tuple[int, int]] = []
    found = look_at(brightness(), data, by_image(), progress=lambda *at: done.append(at))
    assert done[-1] == (5, 5)
    assert len(found.failures) == 1
    assert "broken.png" in found.failures[0]
    assert found.notes == ["1 images without a mask are left out"]
    tradeoff = Tradeoff.of(found)
    # a and b are of one piece: 0.902 and 0.702; c 0.902; clean 0.549
    assert (tradeoff.escape.pieces, tradeoff.escape.images, tradeoff.overkill.pieces) == (2, 3, 1)
    assert [float(tradeoff.escape.value[place(t)]) for t in (0.5, 0.8, 0.95)] == [0, 0.25, 1]
    assert [float(tradeoff.overkill.value[place(t)]) for t in (0.5, 0.6)] == [1, 0]
    assert tradeoff.wrong_at(place(0.5)) == {"escape": [], "overkill": ["images/clean"]}


def test_nothing_to_look_at(
    small_set: SegmentationData, brightness: Callable[..., Any], tmp_path: Path
) -> None:
    bare = SegmentationData("bare", tmp_path, ("defect",), (Sample("a", tmp_path / "a.png"),))
    with pytest.raises(DataError, match="no image with a mask"):
        look_at(brightness(), bare, by_image())
    gone = SegmentationData("gone", tmp_path, ("defect",), (Sample("a", tmp_path / "a.png", Clean()),))
    with pytest.raises(DataError, match="none of its images could be used"):
        look_at(brightness(), gone, by_image())


def test_memory_does_not_grow_with_the_images(brightness: Callable[..., Any], tmp_path: Path) -> None:
    """What is kept of an image is its name and one number a threshold."""
    image = write_image(tmp_path / "i.png", np.full((300, 300), 90, np.uint8))
    mask = write_image(tmp_path / "m.png", np.full((300, 300), 255, np.uint8))
    samples = tuple(Sample(f"{i}", image, MaskFile(mask)) for i in range(3))
    found = look_at(brightness(), SegmentationData("x", tmp_path, ("defect",), samples), by_image())
    assert all(look.wrong.nbytes == 8 * len(GRID) for look in found.looks)


def test_files(tmp_path: Path) -> None:
    tradeoff = seen(*(look(f"d{i}", 0.5, True) for i in range(3)))
    report = {"threshold": 0.49, **tradeoff.to_json()}
    names = [
        path.name for path in write_tradeoff(tradeoff, report, tmp_path, chosen=0.49, wanted=("escape", 0))
    ]
    assert names == ["threshold.json", "threshold_tradeoff.csv", "threshold_tradeoff.png"]
    stored = json.loads((tmp_path / "threshold.json").read_text(encoding="utf-8"))
    assert stored["curve"]["overkill"]["rate"][0] is None
    assert stored["curve"]["escape"]["rate"][place(0.5)] == 1
    lines = (tmp_path / "threshold_tradeoff.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(GRID) + 1
    assert lines[place(0.49) + 1].startswith("0.49,0,0,0.70")
