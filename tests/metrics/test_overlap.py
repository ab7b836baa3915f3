import numpy as np
import pytest

from flawscope.metrics import (
    class_ious,
    confusion,
    dice_fg,
    fb_iou,
    iou_fg,
    masks_dice,
    masks_fb_iou,
    masks_iou,
    miou_classes,
    pixel_accuracy,
    precision_fg,
    recall_fg,
)

EMPTY, ONE, OTHER = np.zeros((2, 3), int), np.array([[1, 0, 0], [0, 0, 0]]), np.array([[0, 1, 0], [0, 0, 0]])


def test_against_scikit_learn() -> None:
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(3)
    for classes in (1, 3):
        truth = generator.integers(0, classes + 1, (30, 40))
        answer = np.where(
            generator.random((30, 40)) < 0.6, truth, generator.integers(0, classes + 1, (30, 40))
        )
        matrix = confusion(answer, truth, classes)
        t, a = truth.ravel(), answer.ravel()
        np.testing.assert_array_equal(matrix, reference.confusion_matrix(t, a))
        assert pixel_accuracy(matrix) == pytest.approx(reference.accuracy_score(t, a), abs=1e-12)
        np.testing.assert_allclose(
            class_ious(matrix), reference.jaccard_score(t, a, average=None), atol=1e-12
        )
        assert miou_classes(matrix) == pytest.approx(
            reference.jaccard_score(t, a, average="macro", labels=list(range(1, classes + 1))), abs=1e-12
        )
        t, a = t > 0, a > 0
        assert recall_fg(matrix) == pytest.approx(reference.recall_score(t, a), abs=1e-12)
        assert precision_fg(matrix) == pytest.approx(reference.precision_score(t, a), abs=1e-12)
        assert dice_fg(matrix) == pytest.approx(reference.f1_score(t, a), abs=1e-12)
        assert iou_fg(matrix) == pytest.approx(reference.jaccard_score(t, a), abs=1e-12)
        assert fb_iou(matrix) == pytest.approx(reference.jaccard_score(t, a, average="macro"), abs=1e-12)


def test_by_hand() -> None:
    truth = np.array([[1, 1, 0, 0], [2, 0, 0, 0]])
    answer = np.array([[1, 2, 2, 0], [2, 0, 0, 0]])
    matrix = confusion(answer, truth, 2)
    np.testing.assert_array_equal(matrix, [[4, 0, 1], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_allclose(class_ious(matrix), [4 / 5, 1 / 2, 1 / 3])
    assert miou_classes(matrix) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert iou_fg(matrix) == pytest.approx(3 / 4)  # a defect taken for another is still found
    assert pixel_accuracy(matrix) == pytest.approx(6 / 8)


@pytest.mark.parametrize(
    ("answer", "truth", "iou", "recall", "precision"),
    [
        (EMPTY, EMPTY, 1.0, np.nan, np.nan),
        (ONE, EMPTY, 0.0, np.nan, 0.0),
        (EMPTY, ONE, 0.0, 0.0, np.nan),
        (OTHER, ONE, 0.0, 0.0, 0.0),
        (ONE, ONE, 1.0, 1.0, 1.0),
    ],
)
def test_the_rule_for_empty_masks(answer, truth, iou, recall, precision) -> None:
    matrix = confusion(answer, truth)
    assert float(iou_fg(matrix)) == float(dice_fg(matrix)) == iou
    assert masks_iou(answer, truth) == masks_dice(answer, truth) == iou
    np.testing.assert_equal(float(recall_fg(matrix)), recall)
    np.testing.assert_equal(float(precision_fg(matrix)), precision)


def test_fb_iou_of_full_and_empty_masks() -> None:
    full = np.ones((2, 3), int)
    assert fb_iou(confusion(full, full)) == 1.0
    assert fb_iou(confusion(EMPTY, EMPTY)) == 1.0
    assert fb_iou(confusion(full, EMPTY)) == 0.0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_figures_of_two_masks_are_those_of_their_matrix(share: float) -> None:
    answer, truth = np.random.default_rng(0).random((2, 9, 7)) < share
    matrix = confusion(answer, truth)
    assert masks_iou(answer, truth) == iou_fg(matrix)
    assert masks_dice(answer, truth) == dice_fg(matrix)
    assert masks_fb_iou(answer, truth) == fb_iou(matrix)


def test_two_masks_of_different_shapes() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        masks_iou(np.ones((2, 3), bool), np.ones((1, 3), bool))


def test_classes_that_are_nowhere_are_left_out_of_the_mean() -> None:
    assert miou_classes(confusion(ONE, ONE, 3)) == 1.0
    assert miou_classes(confusion(2 * ONE, ONE, 3)) == 0.0
    assert np.isnan(miou_classes(confusion(EMPTY, EMPTY, 3)))


def test_matrices_are_summed_and_batched() -> None:
    first, second = confusion(ONE, ONE), confusion(OTHER, ONE)
    assert iou_fg(first + second) == pytest.approx(1 / 3)
    np.testing.assert_allclose(iou_fg(np.stack([first, second])), [1, 0])


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="above 1"):
        confusion(2 * ONE, ONE, 1)
    with pytest.raises(ValueError, match="differ in shape"):
        confusion(ONE, ONE.T)
