"""GrabCut where the answer is plain to see, and where OpenCV alone would fail."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flawscope.errors import UsageError
from flawscope.images import Image
from flawscope.segment import GrabCutSegmenter, Prompts


def disc(height: int = 80, width: int = 100, noise: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.ogrid[:height, :width]
    truth = (rows - 35) ** 2 + (columns - 40) ** 2 <= 15**2
    rng = np.random.default_rng(0)
    return (np.where(truth, 190, 90) + rng.integers(-noise, noise + 1, truth.shape)).astype(np.uint8), truth


def iou(answer: np.ndarray, truth: np.ndarray) -> float:
    mask = answer > 0.5
    return float((mask & truth).sum() / (mask | truth).sum())


def on(*xy: tuple[float, float]) -> Prompts:
    return Prompts(points=np.array(xy), point_labels=np.ones(len(xy), dtype=np.int64))


def box(*xywh: float) -> Prompts:
    return Prompts(boxes=np.array([xywh]))


def test_a_disc_from_every_kind_of_prompt() -> None:
    image, truth = disc()
    rough = np.zeros(truth.shape, dtype=np.float32)
    rough[25:45, 30:50] = 1
    for prompts in (box(20, 15, 42, 42), on((40, 35)), on((32, 30), (50, 40)), Prompts(mask=rough)):
        assert iou(GrabCutSegmenter().segment(image, prompts).probability[0], truth) > 0.97


def test_points_keep_only_the_regions_that_hold_one() -> None:
    image, truth = disc()
    image[60:75, 75:95] = 190
    assert iou(GrabCutSegmenter().segment(image, on((40, 35))).probability[0], truth) > 0.97
    both = truth.copy()
    both[60:75, 75:95] = True
    assert iou(GrabCutSegmenter().segment(image, on((40, 35), (85, 67))).probability[0], both) > 0.97


def test_a_point_on_the_background_takes_a_part_away() -> None:
    image, truth = disc()
    image[60:75, 75:95] = 190
    everything = Prompts(boxes=np.array([[5, 5, 93, 73]]))
    less = Prompts(np.array([[85.0, 67.0]]), np.array([0]), everything.boxes)
    segmenter = GrabCutSegmenter(radius=6)
    before, after = (segmenter.segment(image, one).probability[0] for one in (everything, less))
    assert before[60:75, 75:95].all()
    assert not after[61:74, 79:92].any()
    assert iou(after[:58], truth[:58]) > 0.97


def test_the_same_prompts_give_the_same_answer_bit_for_bit() -> None:
    image, _ = disc(noise=80)
    answers = []
    for state in (1, 99, 12345):
        cv2.setRNGSeed(state)
        cv2.randu(np.zeros((5, 5), np.uint8), 0, 255)
        answers.append(GrabCutSegmenter().segment(image, box(20, 15, 42, 42)).probability)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_boxes_with_nothing_to_decide() -> None:
    image, _ = disc()
    segmenter = GrabCutSegmenter()
    assert segmenter.segment(image, box(200, 200, 5, 5)).probability.sum() == 0
    assert segmenter.segment(image, box(-50, -50, 20, 20)).probability.sum() == 0
    assert segmenter.segment(image, box(10, 10, 0, 0)).probability.sum() == 0
    assert segmenter.segment(image, box(0, 0, 100, 80)).probability.all()
    assert segmenter.segment(image, box(-9, -9, 500, 500)).probability.all()
    assert segmenter.segment(image, Prompts(mask=np.zeros((80, 100), np.float32))).probability.sum() == 0
    assert segmenter.segment(image, on((500, 500))).probability.sum() == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    constant=st.booleans(),
    points=st.lists(st.tuples(st.floats(-5, 20), st.floats(-5, 20), st.integers(0, 1)), max_size=3),
    boxes=st.lists(st.tuples(*[st.floats(-5, 20)] * 2, *[st.floats(0, 20)] * 2), min_size=1, max_size=2),
    boxed=st.booleans(),
)
def test_no_prompt_makes_opencv_fail(
    height: int,
    width: int,
    constant: bool,
    points: list[tuple[float, float, int]],
    boxes: list[tuple[float, float, float, float]],
    boxed: bool,
) -> None:
    image: Image = np.full((height, width, 3), 7, dtype=np.uint8)
    if not constant:
        image[:] = np.random.default_rng(height).integers(0, 256, image.shape)
    prompts = Prompts(
        np.array([point[:2] for point in points], dtype=np.float32).reshape(-1, 2),
        np.array([point[2] for point in points], dtype=np.int64),
        np.array(boxes if boxed or not any(point[2] for point in points) else [], dtype=np.float32).reshape(
            -1, 4
        ),
    )
    probability = GrabCutSegmenter().segment(image, prompts).probability
    assert probability.shape == (1, height, width)
    assert np.isin(probability, (0, 1)).all()


def test_without_a_hint_it_says_what_it_needs() -> None:
    image, _ = disc()
    off = Prompts(points=np.array([[3.0, 3.0]]), point_labels=np.array([0]))
    for prompts in (None, Prompts(), off):
        with pytest.raises(UsageError, match="Give a box, a point on the defect or a rough mask"):
            GrabCutSegmenter().segment(image, prompts)
    with pytest.raises(UsageError, match="iterations must be at least 1, not 0"):
        GrabCutSegmenter(iterations=0)
