import numpy as np
import pytest

from flawscope.metrics import (
    FIGURES,
    THRESHOLDS,
    Published,
    Running,
    Standard,
    best_threshold,
    confusion,
    iou_fg,
)
from flawscope.metrics.names import SOFT_FIGURES


def disc(radius: int, size: int = 48) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    return (y * y + x * x <= radius * radius).astype(np.uint8)


def soft(mask: np.ndarray, high: float = 0.9, low: float = 0.1) -> np.ndarray:
    return np.where(mask > 0, high, low)[None].astype(np.float32)


def seen(protocol, *pairs: tuple[np.ndarray, np.ndarray]) -> Running:
    running = Running(protocol)
    for answer, truth in pairs:
        running.update(soft(answer), answer, truth)
    return running


EMPTY = np.zeros((48, 48), np.uint8)
PAIRS = ((disc(6), disc(8)), (disc(10), disc(8)), (EMPTY, disc(3)), (EMPTY, EMPTY), (disc(4), EMPTY))


def test_image_mean_and_pooled_are_different_things() -> None:
    figures = seen(Standard(), *PAIRS).figures()
    matrices = [confusion(answer, truth) for answer, truth in PAIRS]
    assert figures["iou_fg_image_mean"] == pytest.approx(np.mean([iou_fg(matrix) for matrix in matrices]))
    assert figures["iou_fg_pooled"] == pytest.approx(float(iou_fg(sum(matrices))))
    small, middle, large = disc(6).sum(), disc(8).sum(), disc(10).sum()
    assert figures["iou_fg_image_mean"] == pytest.approx((small / middle + middle / large + 0 + 1 + 0) / 5)


def test_undefined_images_are_left_out_and_counted() -> None:
    running = seen(Standard(), *PAIRS)
    # recall has no meaning in the two clean images, precision none in the two empty answers
    assert running.undefined() == {"recall_fg_image_mean": 2, "precision_fg_image_mean": 2}
    small, middle, large = disc(6).sum(), disc(8).sum(), disc(10).sum()
    assert running.figures()["recall_fg_image_mean"] == pytest.approx((small / middle + 1 + 0) / 3)
    assert running.figures()["precision_fg_image_mean"] == pytest.approx((1 + middle / large + 0) / 3)


def test_factory_figures() -> None:
    figures = seen(Standard(), *PAIRS).figures()
    assert figures["escape_rate"] == pytest.approx(1 / 3)  # one of three defective images passed
    assert figures["overkill_rate"] == pytest.approx(1 / 2)  # one of two clean images rejected
    assert figures["defect_recall"] == pytest.approx(2 / 3)
    assert figures["false_alarms_per_image"] == pytest.approx(1 / 5)
    strict = seen(Standard(min_reject_area=200), *PAIRS).figures()
    # disc(4) has 49 pixels, disc(6) 113, disc(10) 317: only the last rejects now
    assert strict["escape_rate"] == pytest.approx(2 / 3)
    assert strict["overkill_rate"] == 0.0


def test_no_defective_image_leaves_the_escape_rate_undefined() -> None:
    figures = seen(Standard(), (EMPTY, EMPTY)).figures()
    assert np.isnan(figures["escape_rate"])
    assert np.isnan(figures["defect_recall"])
    assert np.isnan(figures["recall_fg"])
    assert figures["overkill_rate"] == 0.0
    assert figures["iou_fg_pooled"] == figures["iou_fg_image_mean"] == figures["boundary_f"] == 1.0


def test_every_figure_has_a_name_in_the_table() -> None:
    assert seen(Standard(), *PAIRS).figures().keys() == FIGURES.keys()
    hard = seen(Standard(soft=False), *PAIRS).figures()
    assert hard.keys() == FIGURES.keys() - set(SOFT_FIGURES)


def test_merging_and_splitting_change_nothing() -> None:
    whole = seen(Standard(), *PAIRS)
    left, right = seen(Standard(), *PAIRS[:2]), seen(Standard(), *PAIRS[2:])
    left.merge(right)
    assert left.figures() == pytest.approx(whole.figures())
    np.testing.assert_equal(left.rows, whole.rows)
    parts = whole.split(["b", None, "b", "a", "a"])
    assert list(parts) == ["a", "b"]
    assert parts["a"].figures() == pytest.approx(seen(Standard(), *PAIRS[3:]).figures(), nan_ok=True)
    with pytest.raises(ValueError, match="different protocols"):
        whole.merge(Running(Standard(tolerance=3)))


def test_curve_agrees_with_thresholding_one_by_one() -> None:
    generator = np.random.default_rng(2)
    running = Running(Standard())
    maps, truths = generator.random((4, 1, 20, 20), dtype=np.float32), generator.random((4, 20, 20)) < 0.3
    truths[0] = False
    maps[1] *= 0.3
    for probability, truth in zip(maps, truths, strict=True):
        running.update(probability, (probability[0] > 0.5).astype(np.uint8), truth.astype(np.uint8))
    curve = running.curve()
    for place in (0, 24, 49, 98):
        answers = [(probability[0] > THRESHOLDS[place]).astype(np.uint8) for probability in maps]
        expected = seen(Standard(), *zip(answers, truths.astype(np.uint8), strict=True)).figures()
        for name, values in curve.items():
            np.testing.assert_allclose(values[place], expected[name], atol=1e-12, err_msg=name)


def test_the_best_threshold_is_the_middle_of_the_good_ones() -> None:
    ious = np.zeros(99)
    ious[29:50] = 0.7  # 0.30 to 0.50
    ious[60] = 0.7005
    assert best_threshold(ious) == pytest.approx(0.41)
    assert best_threshold(ious, within=0.0) == pytest.approx(0.61)


def test_several_classes() -> None:
    truth, answer = disc(8), disc(8)
    truth[:24] *= 2
    answer[:, :24] *= 2
    running = Running(Standard(classes=3))
    probability = np.stack([(answer == number) for number in (1, 2, 3)]).astype(np.float32)
    running.update(probability, answer, truth)
    figures = running.figures()
    assert figures["iou_fg_image_mean"] == figures["wfm"] == pytest.approx(1.0)
    rows = {row["class"]: row for row in running.per_class(("crack", "pit", "stain"))}
    reference = confusion(answer, truth, 3)
    one = reference[1, 1] / (reference[1].sum() + reference[:, 1].sum() - reference[1, 1])
    assert rows["crack"]["iou_pooled"] == pytest.approx(one)
    assert rows["background"]["iou_pooled"] == 1.0
    assert np.isnan(rows["stain"]["iou_pooled"])
    assert rows["stain"]["true_defects"] == 0
    two = rows["pit"]["iou_pooled"]
    assert figures["miou_classes"] == pytest.approx((one + two) / 2)


def test_normalising_touches_soft_figures_only() -> None:
    plain, stretched = seen(Standard(), *PAIRS[:2]), seen(Standard(normalise=True), *PAIRS[:2])
    before, after = plain.figures(), stretched.figures()
    assert (
        before["mae"]
        > after["mae"]
        == pytest.approx(np.mean([(answer != truth).mean() for answer, truth in PAIRS[:2]]))
    )
    for name in before.keys() - set(SOFT_FIGURES):
        np.testing.assert_equal(before[name], after[name], err_msg=name)
    np.testing.assert_array_equal(plain.curve()["iou_fg_image_mean"], stretched.curve()["iou_fg_image_mean"])


def test_detection_by_size() -> None:
    rows = seen(Standard(), (disc(2), disc(2)), (EMPTY, disc(2)), (disc(10), disc(10))).by_size()
    known = {row["from_px"]: (row["found"], row["defects"]) for row in rows if row["defects"]}
    assert known == {1: (1, 2), 256: (1, 1)}  # 13 and 317 pixels
    assert rows[-1]["below_px"] is None


class TestPublished:
    """The statement about the published scripts: what truncation costs depends on how labels were stored."""

    @staticmethod
    def perfect(**switches) -> dict[str, float]:
        running = Running(Published(**switches))
        y, x = np.mgrid[:200, :200]
        for number in range(6):
            mask = ((x - 90 - 5 * number) ** 2 + 4 * (y - 80) ** 2 < 40**2) | (
                abs(x - 2 * y + 10 * number) < 9
            )
            mask = mask.astype(np.uint8)
            running.update(mask[None].astype(np.float32), mask, mask * np.uint8(255))
        return running.figures()

    def test_a_perfect_map_loses_a_sixth_against_lossless_labels(self) -> None:
        figures = self.perfect()
        assert 0.75 < figures["iou_fg_image_mean"] < 0.92
        # every lost pixel is missing from the map, none is added
        assert figures["recall_fg_image_mean"] == pytest.approx(figures["iou_fg_image_mean"])

    def test_nothing_against_labels_of_the_same_jpeg(self) -> None:
        assert self.perfect(label_quality=95) == pytest.approx(dict.fromkeys(self.perfect(), 1.0))

    def test_a_third_against_labels_of_another_quality(self) -> None:
        other = self.perfect(label_quality=75)["iou_fg_image_mean"]
        assert 0.5 < other < 0.8
        assert other < self.perfect()["iou_fg_image_mean"]

    def test_both_switches_off_is_lossless(self) -> None:
        assert self.perfect(jpeg=False) == pytest.approx(dict.fromkeys(self.perfect(), 1.0))
        assert self.perfect(truncate=False)["iou_fg_image_mean"] > 0.995

    def test_images_of_zero_over_zero_are_left_out_and_counted(self) -> None:
        running = seen(
            Published(jpeg=False), (EMPTY, EMPTY), (disc(4), EMPTY), (disc(4), disc(4) * np.uint8(255))
        )
        assert running.undefined() == {
            "recall_fg_image_mean": 2, "iou_fg_image_mean": 1, "dice_fg_image_mean": 1, "wfm": 2
        }  # fmt: skip
        assert running.figures()["iou_fg_image_mean"] == 0.5
        assert running.figures()["recall_fg_image_mean"] == 1.0

    def test_its_pa_is_recall_not_accuracy(self) -> None:
        answer, truth = np.ones((48, 48), np.uint8), disc(6)
        running = seen(Published(jpeg=False), (answer, truth * np.uint8(255)))
        assert running.figures()["recall_fg_image_mean"] == 1.0
        assert seen(Standard(), (answer, truth)).figures()["pixel_accuracy"] == pytest.approx(113 / 48**2)
