"""A robustness study of a segmenter simple enough to reason about, and losses by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flawscope.errors import ImageError
from flawscope.evaluate import evaluate
from flawscope.evaluate.robustness import Plan, choose, degraded, measure, write_robustness
from flawscope.evaluate.robustness.losses import clean_names, false_alarms, losses
from flawscope.images import read_image


def row(name: str, iou: float, true: int, answered: int, group: str | None = None) -> dict[str, Any]:
    pixels = {"true_pixels": true, "answered_pixels": answered, "width": 20, "height": 10}
    return {"name": name, "group": group, "iou_fg": iou, **pixels}


def test_losses_by_hand() -> None:
    # hits 50 of 50 + 50, and 20 of 40 + 40; then 25 of 50 + 25, and 0 of 40 + 10; one more has no partner
    before = [row("a", 1.0, 50, 50), row("b", 20 / 60, 40, 40), row("c", 1.0, 0, 0)]
    after = [row("b", 0.0, 40, 10), row("a", 0.5, 50, 25), row("d", 0.0, 9, 0)]
    found = losses(before, after, resamples=500)
    assert found["iou_fg_image_mean"].value == pytest.approx((1 + 1 / 3) / 2 - 0.5 / 2)
    assert found["iou_fg_pooled"].value == pytest.approx(70 / (180 - 70) - 25 / (125 - 25))
    low, high = found["iou_fg_image_mean"].interval or (0, 0)
    assert (low, high) == (pytest.approx(1 / 3), pytest.approx(0.5))  # one of the two images twice


def test_pairs_are_drawn_by_group_and_equal_images_lose_nothing() -> None:
    rng = np.random.default_rng(0)
    before = [row(f"{n}", float(iou), 30, 30, f"g{n % 4}") for n, iou in enumerate(rng.random(40))]
    same = losses(before, list(reversed(before)), resamples=200)["iou_fg_image_mean"]
    assert (same.value, same.interval) == (0, (0, 0))
    less = [one | {"iou_fg": one["iou_fg"] - 0.1} for one in before]
    loss = losses(before, less, resamples=200)["iou_fg_image_mean"]
    assert (loss.value, *loss.interval) == pytest.approx(
        (0.1, 0.1, 0.1)
    )  # paired: the images' spread cancels
    assert losses(before, less, resamples=0)["iou_fg_pooled"].interval is None
    alone = [one | {"group": "one"} for one in before]
    assert losses(alone, alone, resamples=200)["iou_fg_pooled"].interval is None  # nothing varies


def test_false_alarms_by_hand() -> None:
    rows = [row("a", 1.0, 5, 5), row("b", 1.0, 0, 0), row("c", 0.0, 0, 50)]
    assert clean_names(rows) == {"b", "c"}
    assert false_alarms(rows, {"b", "c"}) == {"overkill_rate": 0.5, "false_alarm_area": 50 / 400}
    assert all(np.isnan(value) for value in false_alarms(rows, set()).values())


def test_the_untouched_degree_is_the_evaluation(small_set, brightness) -> None:
    curves = measure(brightness(threshold=0.5), Plan(small_set, choose(["gain"]), resamples=0))
    plain = evaluate(brightness(threshold=0.5), small_set)
    assert curves.untouched.figures["iou_fg_image_mean"] == plain.figures["iou_fg_image_mean"] == 0.5625
    assert curves.untouched.figures["overkill_rate"] == 1.0
    assert curves.untouched.figures["false_alarm_area"] == 4 / (24 * 32)
    assert curves.data == "small, test"
    assert (
        degraded(small_set, "gain", 0).samples[0].read()[0].tolist()
        == read_image(small_set.samples[0].image).tolist()
    )


def test_a_darker_image_loses_what_falls_below_the_threshold(small_set, brightness) -> None:
    """Gains 0.5, 0.75, 1.33, 2 of defects at 230, 179 and 230 and of a false alarm at 140, threshold 0.5."""
    curves = measure(brightness(threshold=0.5), Plan(small_set, choose(["gain"]), resamples=100))
    ious = [degree.figures["iou_fg_image_mean"] for degree in curves.degrees["gain"]]
    assert ious == pytest.approx([(0 + 0 + 0 + 1) / 4, (1 + 1 + 0.25 + 1) / 4, 0.5625, 0.5625])
    assert [degree.loss["iou_fg_image_mean"].value for degree in curves.degrees["gain"]] == pytest.approx(
        [0.5625 - one for one in ious]
    )
    assert [degree.figures["overkill_rate"] for degree in curves.degrees["gain"]] == [0, 0, 1, 1]
    assert [degree.strength for degree in curves.degrees["gain"]] == [0.5, 0.75, 1.33, 2.0]
    low, high = curves.degrees["gain"][0].loss["iou_fg_image_mean"].interval or (0, 0)
    assert low < 0.3125 < high


def test_the_threshold_is_the_segmenters_unless_given(small_set, brightness) -> None:
    own = measure(brightness(), Plan(small_set, choose(["gain"]), resamples=0))
    assert (own.threshold, own.untouched.figures["iou_fg_image_mean"]) == (0.8, 0.5625)
    low = measure(brightness(), Plan(small_set, choose(["gain"]), threshold=0.1, resamples=0))
    assert low.degrees["gain"][0].figures["iou_fg_image_mean"] == 0.5625


def test_turned_and_resized_masks_follow_a_perfect_answer(small_set, brightness) -> None:
    kept = small_set.where(lambda sample: sample.name == "images/a")
    curves = measure(brightness(threshold=0.45), Plan(kept, choose(["rotate", "scale"]), resamples=0))
    for degrees in curves.degrees.values():
        assert all(degree.figures["iou_fg_image_mean"] > 0.85 for degree in degrees)


def test_a_bad_image_costs_one_line(small_set, brightness) -> None:
    small_set.samples[0].image.write_bytes(b"")
    curves = measure(brightness(), Plan(small_set, choose(["gain", "jpeg"]), resamples=0))
    assert len(curves.failures) == 1
    assert "a.png: the file is empty" in curves.failures[0]
    assert {degree.images for degrees in curves.degrees.values() for degree in degrees} == {3}


def test_an_image_that_fails_at_a_degree_is_named_with_it(small_set, brightness) -> None:
    class Choosy(type(brightness())):
        def segment(self, image, prompts=None):
            if image.max() == 255:
                raise ImageError("too bright for me", where="x")
            return super().segment(image, prompts)

    curves = measure(Choosy(), Plan(small_set, choose(["gain"]), resamples=0))
    assert [degree.images for degree in curves.degrees["gain"]] == [4, 4, 2]
    assert curves.failures.count("gain 1.33: x: too bright for me") == 2
    assert curves.failures[-1].startswith("gain 2: ")
    assert "none of its images could be evaluated" in curves.failures[-1]


def test_an_interrupt_keeps_whole_degrees(small_set, brightness) -> None:
    class Impatient(type(brightness())):
        asked = 0

        def segment(self, image, prompts=None):
            self.asked += 1
            if self.asked == self.patience:
                raise KeyboardInterrupt
            return super().segment(image, prompts)

    source = Impatient()
    source.patience = 10  # in the middle of the second degree
    curves = measure(source, Plan(small_set, choose(["gain"]), resamples=0))
    assert curves.interrupted
    assert [degree.degree for degree in curves.degrees["gain"]] == [1]
    source = Impatient()
    source.patience = 3
    with pytest.raises(KeyboardInterrupt):
        measure(source, Plan(small_set, choose(["gain"]), resamples=0))


def test_files_of_several_segmenters(small_set, brightness, tmp_path) -> None:
    chosen = choose(["gain", "jpeg"])
    clean = small_set.where(lambda sample: sample.name == "images/clean")
    plan = Plan(small_set, chosen, drawn=clean, resamples=50)
    asked: list[int] = []
    first = measure(brightness(), plan, lambda: asked.append(1))
    assert len(asked) == plan.images == (4 + 1) * (1 + 4 + 4)
    second = replace(measure(brightness(threshold=0.5), plan), source="lower")
    report = {"curves": [one.to_json() for one in (first, second)]}
    written = write_robustness([first, second], chosen, report, tmp_path)
    assert [file.name for file in written] == [
        "robustness.json",
        "robustness.md",
        "robustness.png",
        "degradations.png",
    ]
    content = json.loads(written[0].read_text(encoding="utf-8"))
    assert content["schema"] == "flawscope/robustness/1"
    assert content["curves"][1]["untouched"]["figures"]["drawn_overkill_rate"] == 1.0
    text = written[1].read_text(encoding="utf-8")
    assert text.count("## ") == 2
    assert "| untouched |  | 0.562 |" in text
    assert "| gain | 0.5 | 0.250 | +0.312 |" in text
    assert "false alarm area, drawn" in text
    heights = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(heights) == 1
    assert all(min(read_image(file).shape[:2]) > 250 for file in written[2:])
