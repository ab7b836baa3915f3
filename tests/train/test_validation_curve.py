import numpy as np
import pytest

from flawscope.metrics.threshold_curve import THRESHOLDS
from flawscope.train.validation import ValidationCurve


def test_curve_equals_thresholding_one_by_one() -> None:
    generator = np.random.default_rng(2)
    curve = ValidationCurve()
    maps = generator.random((3, 1, 20, 30), dtype=np.float32)
    maps[0, 0, 0, :10] = 0.5  # exactly on a threshold: not above it
    masks = (generator.random((3, 20, 30)) > 0.7).astype(np.uint8)
    for probability, mask in zip(maps, masks, strict=True):
        curve.add(probability, mask)
    for number in (0, 24, 49, 98):
        ious = []
        for probability, mask in zip(maps, masks, strict=True):
            found = probability[0].astype(np.float64) > THRESHOLDS[number]
            ious.append((found & (mask > 0)).sum() / (found | (mask > 0)).sum())
        assert curve.curve()[number] == pytest.approx(np.mean(ious), abs=1e-12)


def test_empty_masks() -> None:
    curve = ValidationCurve()
    curve.add(np.full((1, 4, 4), 0.3, np.float32), np.zeros((4, 4), np.uint8))
    assert curve.iou_at(0.5) == 1.0
    assert curve.iou_at(0.2) == 0.0


def test_class_ious_pool_pixels() -> None:
    curve = ValidationCurve()
    probability = np.zeros((2, 1, 4), np.float32)
    probability[0, 0, :2] = 0.9
    probability[1, 0, 2] = 0.9
    curve.add(probability, np.array([[1, 1, 2, 2]], np.uint8))
    assert curve.class_ious() == [1.0, 0.5]
    assert curve.score() == 0.75


def test_best_threshold_is_in_the_middle_of_the_plateau() -> None:
    curve = ValidationCurve()
    curve.add(np.array([[[0.2, 0.8]]], np.float32), np.array([[0, 1]], np.uint8))
    assert curve.best_threshold() == pytest.approx(0.5, abs=0.011)


def test_a_class_that_is_nowhere_does_not_raise_the_score() -> None:
    curve = ValidationCurve()
    probability = np.zeros((2, 1, 4), np.float32)
    probability[0, 0, :1] = 0.9
    curve.add(probability, np.array([[1, 1, 0, 0]], np.uint8))
    assert curve.class_ious()[0] == 0.5
    assert np.isnan(curve.class_ious()[1])
    assert curve.score() == 0.5
