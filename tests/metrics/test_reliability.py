"""Calibration errors against working them out by hand, and against a plain loop."""

import numpy as np
import pytest

from flawscope.metrics import Running, Standard
from flawscope.metrics.reliability import (
    BINS,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)


def test_by_hand() -> None:
    """Ten pixels: four at 0.9 of which three are true, five at 0.1 of which one is, one at 0.5 that is not."""
    probability = np.array([0.9] * 4 + [0.1] * 5 + [0.5])
    truth = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    totals = reliability(probability, truth)
    assert totals.shape == (3, BINS)
    assert totals[0].nonzero()[0].tolist() == [1, 7, 13]
    # |3/4 - 0.9| = 0.15 for four, |1/5 - 0.1| = 0.1 for five, 0.5 for one
    assert expected_calibration_error(totals) == pytest.approx((4 * 0.15 + 5 * 0.1 + 1 * 0.5) / 10)
    assert maximum_calibration_error(totals) == pytest.approx(0.5)


def test_the_edges_of_the_bins() -> None:
    edges = reliability(np.array([0.0, 0.2, 0.199, 0.6, 1.0]), np.zeros(5))[0]
    assert edges.nonzero()[0].tolist() == [0, 2, 3, 9, 14]


def test_errors_in_one_bin_cancel_and_in_two_do_not() -> None:
    one = reliability(np.array([0.41, 0.46]), np.array([0, 1]))  # 0.87 expected, 1 true
    assert expected_calibration_error(one) == pytest.approx(0.13 / 2)
    two = reliability(np.array([0.35, 0.46]), np.array([0, 1]))
    assert expected_calibration_error(two) == pytest.approx((0.35 + 0.54) / 2)


def test_what_is_drawn_by_its_probability_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(400_000)
    totals = reliability(probability, rng.random(400_000) < probability)
    assert expected_calibration_error(totals) < 0.004
    assert expected_calibration_error(reliability(probability, rng.random(400_000) < 0.5)) > 0.2


def test_images_are_pooled_and_classes_kept_apart() -> None:
    running = Running(Standard(classes=2))
    one = np.zeros((2, 1, 2), np.float32)
    one[:, 0, 0] = 0.5, 0.25
    two = np.zeros((2, 1, 2), np.float32)
    two[:, 0, 1] = 0.0, 0.9
    running.update(one, np.array([[1, 0]], np.uint8), np.array([[1, 0]], np.uint8))
    running.update(two, np.array([[0, 2]], np.uint8), np.array([[0, 2]], np.uint8))
    any_defect, first, second = running.reliability(("pit", "crack"))
    # any defect: 0.75 and 0.9 in bins of their own, both true; class 1: 0.5, true; class 2: 0.25 not, 0.9 true
    assert any_defect["ece"] == pytest.approx((0.25 + 0.1) / 4)
    assert running.figures()["ece"] == any_defect["ece"]
    assert (first["ece"], first["mce"]) == (pytest.approx(0.5 / 4), pytest.approx(0.5))
    assert (second["ece"], second["mce"]) == (pytest.approx((0.25 + 0.1) / 4), pytest.approx(0.25))
    assert [row["class"] for row in (any_defect, first, second)] == ["any defect", "pit", "crack"]
    assert sum(any_defect["pixels"]) == 4
    assert any_defect["true_share"][11] == 1.0
    assert np.isnan(any_defect["true_share"][5])


def test_one_class_is_any_defect() -> None:
    running = Running(Standard())
    running.update(np.full((1, 2, 2), 0.7, np.float32), np.ones((2, 2), np.uint8), np.eye(2, dtype=np.uint8))
    (row,) = running.reliability(("pit",))
    assert row["ece"] == row["mce"] == pytest.approx(0.2)
    low, high = running.intervals().get("ece", (0.2, 0.2))  # one image: nothing to draw
    assert (low, high) == (0.2, 0.2)


def test_nothing_is_undefined() -> None:
    assert np.isnan(expected_calibration_error(np.zeros((3, BINS))))
    assert np.isnan(maximum_calibration_error(np.zeros((3, BINS))))
