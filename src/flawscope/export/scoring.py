"""How good a compiled network still is, while its layers are quantised: quick, and by the measure of the gate.

The score of an image that holds a defect by its mask is the IoU with it; other images are not scored. Where the IoU
tells nothing (no mask holds a defect, or the trained network hardly finds any) every image is scored, by the share of
the decided pixels that keep the label which the trained network gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.export.comparison import GATES, firmly, iou_tells
from flawscope.export.shown import Shown
from flawscope.images import Mask
from flawscope.metrics.overlap import masks_iou
from flawscope.segment.base import Segmenter, binarize
from flawscope.segment.header import Header
from flawscope.segment.preprocess import network_input, probabilities

SCORED = 64
"""At most so many images are scored, again for each set of layers."""


@dataclass(frozen=True, slots=True)
class Case:
    """One image to score.

    Attributes:
        batch: ``(1, 3, h, w)`` ``float32``, the network's input.
        expected: ``(height, width)`` class numbers at the size of the image.
        decided: where they count, ``(height, width)``; None for a true mask, which counts everywhere.
    """

    batch: npt.NDArray[np.float32]
    expected: Mask
    decided: npt.NDArray[np.bool_] | None = None


def cases_of(
    source: Segmenter, header: Header, images: Iterable[Shown]
) -> tuple[list[npt.NDArray[np.float32]], list[Case]]:
    """Network inputs of all images, and the cases: the images with defects, or all where the IoU tells nothing."""
    inputs: list[npt.NDArray[np.float32]] = []
    true: list[Case] = []
    answered: list[Case] = []
    hits = pixels = 0
    for shown in images:
        inputs.append(network_input(shown.image, header)[None])
        defective = shown.truth is not None and bool(shown.truth.any()) and len(true) < SCORED
        if not defective and len(answered) >= SCORED:
            continue
        probability = source.segment(shown.image).probability
        answer = binarize(probability, source.threshold)
        if defective:
            assert shown.truth is not None
            true.append(Case(inputs[-1], shown.truth))
            hits += int(np.count_nonzero((answer > 0) & (shown.truth > 0)))
            pixels += int(np.count_nonzero(shown.truth))
        if len(answered) < SCORED:
            answered.append(Case(inputs[-1], answer, firmly(probability, source.threshold)))
    return inputs, true if true and iou_tells(hits / pixels) else answered


def allowed(cases: Sequence[Case]) -> float:
    """How far the mean score of int8 may fall by its gate."""
    gate = GATES["int8"]
    return gate.iou_drop / 100 if cases[0].decided is None else 1 - gate.equal_labels


def mean_score(compiled: Any, cases: Iterable[Case], header: Header) -> float:
    """The mean score of an ``openvino.CompiledModel``."""
    return float(np.mean([_score(compiled, case, header) for case in cases]))


def _score(compiled: Any, case: Case, header: Header) -> float:
    height, width = case.expected.shape
    probability = probabilities(compiled(case.batch)[0][0], height, width, header.temperature)
    answer = binarize(probability, header.threshold)
    if case.decided is None:
        return masks_iou(answer, case.expected)
    same = (answer == case.expected)[case.decided]
    return float(same.mean()) if same.size else 1.0
