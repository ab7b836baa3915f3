"""Figures against hand-counted pixels."""

import numpy as np
import pytest

from flawscope.fewshot.scores import figures, score


def masks(answer: int, truth: int, both: int, size: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Masks of so many answered, true and common pixels."""
    first, second = np.zeros(size, bool), np.zeros(size, bool)
    first[:answer] = True
    second[answer - both : answer - both + truth] = True
    return first.reshape(10, 10), second.reshape(10, 10)


def test_pooled_and_image_mean_differ_as_counted_by_hand() -> None:
    scores = [
        score(*masks(10, 10, 5), "a", "1"),  # 5 / 15
        score(*masks(40, 40, 40), "a", "2"),  # 40 / 40
        score(*masks(20, 20, 0), "b", "1"),  # 0 / 40
    ]
    whole, classes = figures(scores)
    assert classes["a"]["iou_image_mean"] == pytest.approx((1 / 3 + 1) / 2)
    assert classes["a"]["iou_pooled"] == pytest.approx(45 / 55)
    # background of a: 85 + 60 right; unions 95 + 60
    assert classes["a"]["fb_iou_pooled"] == pytest.approx((45 / 55 + 145 / 155) / 2)
    assert whole["class_miou_image_mean"] == pytest.approx((2 / 3 + 0) / 2)
    assert whole["class_miou_pooled"] == pytest.approx((45 / 55 + 0) / 2)
    # all pixels together: foreground 45 of 95, background 145 + 60 right of 155 + 100
    assert whole["fb_iou_pooled"] == pytest.approx((45 / 95 + 205 / 255) / 2)
    assert whole["fb_iou_class_mean"] == pytest.approx(((45 / 55 + 145 / 155) / 2 + (0 + 60 / 100) / 2) / 2)


def test_empty_masks() -> None:
    nothing, something = np.zeros((10, 10), bool), masks(9, 9, 9)[0]
    both, one = score(nothing, nothing, "a", "1"), score(nothing, something, "a", "2")
    assert (both["iou"], both["boundary_f"]) == (1.0, 1.0)
    assert (one["iou"], one["boundary_f"]) == (0.0, 0.0)
