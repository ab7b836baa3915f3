"""What accuracy control is steered by: defects where the IoU tells something, else the labels of every image."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.export import GATES, Shown
from flawscope.export.scoring import allowed, cases_of, mean_score
from flawscope.images import Image
from flawscope.segment import Prompts, Segmentation
from flawscope.segment.header import Header

HEADER = Header(model="none", imgsz=(2, 2), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), labels=("pit",))


class Bright:
    """Calls pixels defects whose red is above a level."""

    name, labels, threshold = "bright", ("pit",), 0.5

    def __init__(self, level: float = 0.5) -> None:
        self.level = level

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(np.where(image[None, ..., 0] > self.level, 0.9, 0.1).astype(np.float32))


def everywhere(probability: float) -> object:
    """A compiled network with one answer for all pixels."""
    return lambda batch: [np.full((len(batch), 1, 2, 2), probability, np.float32)]


def shown(top: float, truth: list[int] | None) -> Shown:
    """The upper row ``top`` bright, the lower dark; ``truth`` of the two rows."""
    image = np.zeros((2, 2, 3), dtype=np.float32)
    image[0] = top
    mask = None if truth is None else np.repeat(np.array(truth, dtype=np.uint8)[:, None], 2, axis=1)
    return Shown(image, mask)


CLEAN, DEFECTIVE = shown(0.0, [0, 0]), shown(1.0, [1, 0])


def test_clean_images_are_no_cases() -> None:
    """All found: half of the defective image is right. With the clean ones the mean would be a sixth."""
    inputs, cases = cases_of(Bright(), HEADER, [CLEAN, DEFECTIVE, CLEAN])
    assert (len(inputs), len(cases), cases[0].decided) == (3, 1, None)
    assert allowed(cases) == GATES["int8"].iou_drop / 100
    assert mean_score(everywhere(0.9), cases, HEADER) == 0.5
    assert mean_score(everywhere(0.1), cases, HEADER) == 0.0


@pytest.mark.parametrize(
    ("source", "images"),
    [
        (Bright(), [CLEAN, CLEAN]),
        (Bright(), [shown(0.0, None), shown(0.0, None)]),
        (Bright(2.0), [CLEAN, DEFECTIVE]),
    ],
    ids=["clean masks only", "no masks", "nothing is found"],
)
def test_without_an_iou_that_tells_labels_count(source: Bright, images: list[Shown]) -> None:
    _, cases = cases_of(source, HEADER, images)
    assert len(cases) == 2
    assert all(case.decided is not None and case.decided.all() for case in cases)
    assert allowed(cases) == pytest.approx(1 - GATES["int8"].equal_labels)
    assert mean_score(everywhere(0.1), cases, HEADER) == 1.0
    assert mean_score(everywhere(0.9), cases, HEADER) == 0.0
