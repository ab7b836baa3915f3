from dataclasses import replace

import numpy as np
import pytest

from flawscope.data.samples import Problem
from flawscope.errors import DataError, ImageError, UsageError
from flawscope.evaluate import Settings, calibrate, evaluate
from flawscope.metrics import Published


def test_both_thresholds_by_hand(small_set, brightness) -> None:
    evaluation = evaluate(brightness(), small_set)
    # at 0.5: a 1, b 1, c 9/36, clean 0; at the segmenter's own 0.8: a 1, b 0, c 1/4, clean 1
    assert evaluation.figures["iou_fg_image_mean"] == pytest.approx((1 + 1 + 0.25 + 0) / 4)
    assert evaluation.calibrated_threshold == 0.8
    assert evaluation.whole.calibrated["iou_fg_image_mean"] == pytest.approx((1 + 0 + 0.25 + 1) / 4)
    assert evaluation.figures["iou_fg_pooled"] == pytest.approx((64 + 16 + 9) / (64 + 16 + 36 + 4))
    assert evaluation.figures["recall_fg"] == pytest.approx(89 / 116)
    assert evaluation.figures["escape_rate"] == 0.0
    assert evaluation.whole.calibrated["escape_rate"] == pytest.approx(1 / 3)
    assert evaluation.figures["overkill_rate"] == 1.0
    assert evaluation.whole.calibrated["overkill_rate"] == 0.0
    assert evaluation.undefined == {"recall_fg_image_mean": 1}
    assert "wfm" in evaluation.figures
    assert "wfm" not in evaluation.whole.calibrated
    mae = (64 * (1 - 230 / 255) + 16 * (1 - 179 / 255) + 27 + 9 * (1 - 230 / 255) + 4 * 140 / 255) / (
        4 * 24 * 32
    )
    assert evaluation.figures["mae"] == pytest.approx(mae, abs=1e-7)


def test_parts(small_set, brightness) -> None:
    evaluation = evaluate(brightness(), small_set)
    assert {name: part.images for name, part in evaluation.kinds.items()} == {"hole": 2, "other": 2}
    assert {name: part.images for name, part in evaluation.subsets.items()} == {"man-made": 2, "natural": 1}
    assert evaluation.subsets["man-made"].figures["iou_fg_image_mean"] == 1.0
    assert evaluation.subsets["natural"].figures["iou_fg_image_mean"] == pytest.approx(0.25)
    mean = evaluation.subset_mean
    assert mean is not None
    # each subset counts once, however many images it has
    assert mean.figures["iou_fg_image_mean"] == pytest.approx(0.625)
    assert mean.calibrated["iou_fg_image_mean"] == pytest.approx((0.5 + 0.25) / 2)
    assert mean.images == 3


def test_rows_sizes_and_data_name(small_set, brightness) -> None:
    evaluation = evaluate(brightness(), small_set)
    assert evaluation.data == "small, test"
    rows = {row["name"]: row for row in evaluation.rows}
    assert rows["images/c"]["iou_fg"] == pytest.approx(0.25)
    assert rows["images/b"]["iou_fg"] == 1.0
    assert rows["images/b"]["iou_fg_calibrated"] == 0.0
    assert (rows["images/c"]["true_pixels"], rows["images/c"]["answered_pixels"]) == (36, 9)
    assert (rows["images/clean"]["answered_defects"], rows["images/clean"]["false_alarms"]) == (1, 1)
    sizes = {row["from_px"]: (row["found"], row["defects"]) for row in evaluation.sizes if row["defects"]}
    assert sizes == {16: (2, 2), 64: (1, 1)}


def test_groups_are_drawn_whole(small_set, brightness) -> None:
    evaluation = evaluate(brightness(), small_set)
    assert "the 95 % intervals draw 3 groups, not 4 images" in evaluation.notes
    low, high = evaluation.intervals["iou_fg_image_mean"]
    assert low == 0.0  # the clean image three times
    assert high == 1.0
    assert evaluate(brightness(), small_set).intervals["mae"] == evaluation.intervals["mae"]


def test_calibration_finds_the_gap(small_set, brightness) -> None:
    # below 0.549 the clean image spoils it, above 0.702 b is lost: 0.55 to 0.70, of which the middle
    assert calibrate(brightness(), small_set) == pytest.approx(0.63)
    evaluation = evaluate(brightness(), small_set, Settings(calibrated=0.63))
    assert evaluation.whole.calibrated["iou_fg_image_mean"] == pytest.approx((1 + 1 + 0.25 + 1) / 4)
    assert evaluation.best_threshold_here == pytest.approx(0.63)


def test_bad_images_are_listed_and_the_rest_goes_on(small_set, brightness) -> None:
    small_set.samples[0].image.write_bytes(b"")
    small_set.samples[1].truth.path.write_bytes(b"not a png")
    evaluation = evaluate(brightness(), small_set)
    assert evaluation.whole.images == 2
    assert len(evaluation.failures) == 2
    assert "a.png: the file is empty" in evaluation.failures[0]
    assert "b.png" in evaluation.failures[1]
    assert evaluation.undefined == {"recall_fg_image_mean": 1}


def test_when_nothing_is_left_it_is_an_error(small_set, brightness) -> None:
    for sample in small_set.samples:
        sample.image.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of its images could be evaluated .*a\.png"):
        evaluate(brightness(), small_set)
    unlabelled = replace(small_set, samples=tuple(replace(s, truth=None) for s in small_set.samples))
    with pytest.raises(DataError, match="no image with a mask"):
        evaluate(brightness(), unlabelled)


def test_unlabelled_images_and_unusable_files_are_noted(small_set, brightness) -> None:
    first = replace(small_set.samples[0], truth=None)
    problem = Problem(small_set.root / "masks" / "z.png", "a mask without an image")
    data = replace(small_set, samples=(first, *small_set.samples[1:]), problems=(problem,))
    evaluation = evaluate(brightness(), data)
    assert evaluation.whole.images == 3
    assert evaluation.notes[0] == "1 images without a mask are left out"
    assert "z.png: a mask without an image" in evaluation.notes[1]


def test_an_interrupt_keeps_what_was_measured(small_set, brightness) -> None:
    class Impatient(type(brightness())):
        asked = 0

        def segment(self, image, prompts=None):
            self.asked += 1
            if self.asked == 3:
                raise KeyboardInterrupt
            return super().segment(image, prompts)

    evaluation = evaluate(Impatient(), small_set)
    assert evaluation.interrupted
    assert [row["name"] for row in evaluation.rows] == ["images/a", "images/b"]
    assert evaluation.notes[0] == "interrupted: 2 of 4 images were evaluated"
    assert evaluation.figures["iou_fg_image_mean"] == 1.0


def test_a_failing_segmenter_fails_its_image_only(small_set, brightness) -> None:
    class Choosy(type(brightness())):
        def segment(self, image, prompts=None):
            if image.max() == 179:
                raise ImageError("too dark for me", where="b")
            return super().segment(image, prompts)

    evaluation = evaluate(Choosy(), small_set)
    assert evaluation.failures == ["b: too dark for me"]
    assert evaluation.whole.images == 3


def test_classes_are_matched_by_name_in_any_order(small_set, brightness) -> None:
    two = replace(small_set, labels=("crack", "pit"))
    # brightness shows the same in both channels: where equal, the first of the dataset's classes is taken
    same = evaluate(brightness(labels=("pit", "crack"), threshold=0.5), two)
    assert same.labels == ("crack", "pit")
    assert [row["class"] for row in same.classes] == ["background", "crack", "pit"]
    crack = same.classes[1]
    assert (crack["true_defects"], crack["found_defects"]) == (3, 3)
    strange = evaluate(brightness(labels=("dirt", "crack")), two)
    assert strange.labels == ("defect",)
    assert strange.notes[0].startswith("classes are merged into one: the answers know dirt, crack")


def test_the_published_protocol(small_set, brightness) -> None:
    plain = Settings(protocol="ocinet", published=Published(jpeg=False, truncate=False))
    evaluation = evaluate(brightness(), small_set, plain)
    # Otsu finds a defect in the clean image too; there recall and weighted F are 0 / 0
    assert evaluation.figures["iou_fg_image_mean"] == pytest.approx((1 + 1 + 0.25 + 0) / 4)
    assert evaluation.figures["recall_fg_image_mean"] == pytest.approx((1 + 1 + 0.25) / 3)
    assert evaluation.undefined == {"recall_fg_image_mean": 1, "wfm": 1}
    assert evaluation.calibrated_threshold is None
    assert evaluation.curve == {}
    assert evaluation.settings["published"]["jpeg"] is False
    assert "threshold" not in evaluation.settings
    lossy = evaluate(brightness(), small_set, Settings(protocol="ocinet"))
    assert lossy.figures["iou_fg_image_mean"] < evaluation.figures["iou_fg_image_mean"]


def test_the_published_protocol_reads_the_stored_grey_levels(small_set, brightness) -> None:
    from flawscope.images import write_image

    mask = small_set.samples[0].truth
    stored = np.zeros((24, 32), np.uint8)
    stored[4:12, 4:12] = 200  # foreground above 127, but not 255
    write_image(mask.path, stored)
    only = replace(small_set, samples=small_set.samples[:1])
    cut = evaluate(brightness(), only, Settings(protocol="ocinet", published=Published(jpeg=False)))
    kept = evaluate(
        brightness(), only, Settings(protocol="ocinet", published=Published(jpeg=False, truncate=False))
    )
    assert cut.figures["iou_fg_image_mean"] == 0.0
    assert kept.figures["iou_fg_image_mean"] == 1.0


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 1.2}, {"calibrated": -0.1}, {"tolerance": -1.0}, {"min_overlap": 0.0}, {"resamples": -1}],
)
def test_settings_out_of_range(wrong) -> None:
    with pytest.raises(UsageError, match="out of range"):
        Settings(**wrong)


def test_json_is_plain_and_nan_free(small_set, brightness) -> None:
    import json

    from flawscope.outputs import dumps

    text = dumps(evaluate(brightness(), small_set.where(lambda sample: sample.name == "images/a")).to_json())
    plain = json.loads(text)
    assert plain["figures"]["overkill_rate"] is None
    assert plain["intervals_95"] == {}  # one image does not vary
    assert len(plain["curve"]["threshold"]) == 99
    assert plain["settings"]["protocol"] == "standard"
