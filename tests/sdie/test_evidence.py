"""Marks of a good mask, worked out by hand on squares."""

import numpy as np
import pytest

from flawscope.sdie.evidence import MARKS, filter_changes, marks

SIDE = 20


def square(top: int = 5, left: int = 5, size: int = 10) -> np.ndarray:
    made = np.zeros((SIDE, SIDE), bool)
    made[top : top + size, left : left + size] = True
    return made


def two_tones(mask: np.ndarray, inside: float, outside: float) -> np.ndarray:
    return np.where(mask, inside, outside).astype(np.float32)


def test_marks_by_hand() -> None:
    mask, before = square(), square(left=10)  # 100 of 400 pixels each, half of them shared
    found = marks(
        plane=two_tones(mask, 0.3, 0.1),
        original=two_tones(mask, 0.6, 0.2),
        foreground=mask,
        first_foreground=before,
        probability=two_tones(mask, 0.8, 0.1),
        evidence=two_tones(mask, 0.9, 0.1),
        first_evidence=np.full((SIDE, SIDE), 0.75, np.float32),
    )
    deviation = 0.4 * np.sqrt(0.25 * 0.75)  # of the original; half of that of the plane
    spread, half = deviation + 0.02, deviation / 2 + 0.02
    expected = [
        80 / (80 + 100 - 80),  # 100 pixels of 2 x .9 - 1, against 100 of the mask
        50 / (200 + 100 - 50),  # 400 pixels of 2 x .75 - 1
        90 / (90 + 30 + 100 - 90),  # the evidence as it is: .9 on 100 and .1 on 300 pixels
        np.log(0.251) / 4,
        np.log(0.251) / 4,
        np.log(1.001) / 4,
        0.8,
        -0.8,
        0.5,
        0.5,
        0.4 / spread,
        0.4 / spread,
        0.2 / half,
        0.4 / spread,
        np.log(2),  # one part
        (100 - 36) / 101,  # a rim of two pixels
        50 / 150,
        (100 * 0.6 + 300 * 0.8) / 400,
        0.6,
        (100 * 0.3 + 300 * 0.1) / 400 / spread,
    ]
    assert found.dtype == np.float32
    assert found.shape == (MARKS,)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_step_is_that_of_the_rims_not_of_the_whole_sides() -> None:
    """A square two pixels larger than its mask, in an image that falls off to one side."""
    mask = square(8, 8, 4)
    original = two_tones(square(6, 6, 8), 0.5, 0.1)
    original[:, 17:] = 0.9
    nothing = np.zeros((SIDE, SIDE), np.float32)
    found = marks(original, original, mask, mask, nothing, nothing, nothing)
    assert found[10] == pytest.approx(0, abs=1e-6)  # two pixels on both sides of the mask's edge are .5
    away = original[~mask].mean()
    assert found[13] == pytest.approx((0.5 - away) / (original.std() + 0.02), abs=1e-5)


def test_a_dark_defect_has_a_step_of_the_other_sign() -> None:
    mask = square()
    nothing = np.zeros((SIDE, SIDE), np.float32)
    dark, bright = two_tones(mask, 0.2, 0.6), two_tones(mask, 0.6, 0.2)
    down = marks(dark, dark, mask, mask, nothing, nothing, nothing)
    up = marks(bright, bright, mask, mask, nothing, nothing, nothing)
    deviation = 0.4 * np.sqrt(0.25 * 0.75) + 0.02
    assert (down[10], up[10]) == pytest.approx((-0.4 / deviation, 0.4 / deviation), abs=1e-5)
    np.testing.assert_allclose(down[11:14], up[11:14], atol=1e-6)


def test_better_masks_have_better_marks() -> None:
    mask = square()
    likely = two_tones(mask, 0.9, 0.1)
    plane = two_tones(mask, 0.6, 0.2)
    scores = []
    for answer in (mask, square(left=8), square(0, 0, 4)):
        found = marks(plane, plane, answer, answer, answer.astype(np.float32), likely, likely)
        scores.append(found[[0, 2, 6, 11]])
    assert (np.diff(scores, axis=0) < 0).all()


@pytest.mark.parametrize("answer", [False, True])
def test_nothing_and_everything_have_no_edge(answer) -> None:
    mask = np.full((SIDE, SIDE), answer)
    plane = two_tones(square(), 0.6, 0.2)
    certain = np.full((SIDE, SIDE), float(answer), np.float32)
    found = marks(plane, plane, mask, mask, certain, certain, certain)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[10:14], 0)
    assert found[16] == 1
    np.testing.assert_array_equal(filter_changes(plane, plane[None], mask), 0)


def test_filter_changes_by_hand() -> None:
    mask = square()
    plane = two_tones(mask, 0.6, 0.2)
    deviation = 0.4 * np.sqrt(0.25 * 0.75)
    responses = np.stack([plane, plane / 2, np.full_like(plane, 0.2)])
    before = 0.4 / (deviation + 0.02)
    expected = [
        *(0, 0),
        *(0.15 / (deviation + 0.02), 0.2 / (deviation / 2 + 0.02) - before),
        *(0.1 / (deviation + 0.02), -before),  # 100 pixels by .4; no step is left
    ]
    np.testing.assert_allclose(filter_changes(plane, responses, mask), expected, atol=2e-6)
