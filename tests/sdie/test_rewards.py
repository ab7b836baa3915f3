import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.sdie.rewards import INDICES, check_reward, pay

TRUTH = np.array([[1, 1, 0, 0]], bool)
NONE, ALL = np.zeros((1, 4), bool), np.ones((1, 4), bool)


@pytest.mark.parametrize(
    ("answer", "truth", "foreground", "both"),
    [
        (TRUTH, TRUTH, 1.0, 1.0),
        (np.array([[0, 1, 1, 0]], bool), TRUTH, 1 / 3, 1 / 3),  # background: 1 of 3 as well
        (NONE, TRUTH, 0.0, 0.25),  # background 2 of 4
        (ALL, TRUTH, 0.5, 0.25),
        (NONE, NONE, 1.0, 1.0),
        (ALL, ALL, 1.0, 1.0),
        (ALL, NONE, 0.0, 0.0),
        (NONE, ALL, 0.0, 0.0),
    ],
)
def test_indices_by_hand(answer, truth, foreground, both) -> None:
    assert INDICES["iou"](answer, truth) == pytest.approx(foreground)
    assert INDICES["fb_iou"](answer, truth) == pytest.approx(both)


def test_what_each_kind_pays() -> None:
    assert pay("iou", 0.7, 0.5, 0.4) == pytest.approx(0.7)
    assert pay("iou_gain", 0.7, 0.5, 0.4) == pytest.approx(0.3)
    assert pay("iou_step", 0.7, 0.5, 0.4) == pytest.approx(0.2)


def test_an_unknown_reward() -> None:
    with pytest.raises(UsageError, match=r"no reward named 'miou'\. Choose one of: fb_iou, iou,"):
        check_reward("miou")
