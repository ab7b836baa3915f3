"""Does the exported file do what the trained network did? Measured on images, at their own size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import WeightsError
from flawscope.export.shown import Shown
from flawscope.images import Probability
from flawscope.metrics.overlap import masks_iou
from flawscope.segment.base import Segmenter, binarize
from flawscope.segment.header import Precision


@dataclass(frozen=True, slots=True)
class Gate:
    """What an export must reach.

    Attributes:
        equal_labels: share of pixels, 0 to 1, that keep their label: of all in fp32. In bf16 and int8 it counts where
            no image has a mask, and of the decided pixels alone, if they are at least half of all.
        iou_drop: the most that the IoU may lose, in points of 100.
    """

    equal_labels: float
    iou_drop: float


GATES: dict[Precision, Gate] = {
    "fp32": Gate(0.999, 0.2),
    "bf16": Gate(0.995, 0.2),
    "int8": Gate(0.99, 0.5),
}


UNDECIDED = 0.05
"""A probability no farther than this from the threshold is undecided: rounding may change its label."""

_MOST = 0.5

FP32_REMEDY = "Weights in 16 bits may be too coarse: try --no-half, and report it if that does not help"


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two segmenters agree, at the threshold of the first.

    Attributes:
        images: how many images were compared.
        pixels: how many pixels.
        max_difference: largest absolute difference of any probability.
        mean_difference: mean absolute difference of the probabilities.
        equal_labels: share of pixels, 0 to 1, that get the same class.
        found: share of pixels, 0 to 1, that the first calls a defect: near 0 or 1 agreement says little.
        decided: share of pixels, 0 to 1, whose probability of a defect by the first is not :data:`UNDECIDED`.
        equal_decided: share of these, 0 to 1, that get the same class; 1 where there are none.
        labelled: how many of the images have a true mask.
        iou_source, iou_exported: IoU of any defect with the true masks, mean over these images; None without any.
    """

    images: int
    pixels: int
    max_difference: float
    mean_difference: float
    equal_labels: float
    found: float = 0.0
    decided: float = 0.0
    equal_decided: float = 1.0
    labelled: int = 0
    iou_source: float | None = None
    iou_exported: float | None = None

    @property
    def iou_drop(self) -> float | None:
        """What the IoU loses, in points of 100; negative where it gains."""
        if self.iou_source is None or self.iou_exported is None:
            return None
        return 100 * (self.iou_source - self.iou_exported)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "iou_drop_points": self.iou_drop}

    def complaint(self, precision: Precision) -> str | None:
        """In which way the gate of ``precision`` is not reached; None where it is."""
        gate, drop = GATES[precision], self.iou_drop
        of_decided = precision != "fp32" and self.decided >= _MOST
        equal = self.equal_decided if of_decided else self.equal_labels
        if equal < gate.equal_labels and (precision == "fp32" or drop is None):
            return (
                f"only {equal:.3%} of the {'decided ' * of_decided}pixels keep their label after export "
                f"({gate.equal_labels:.1%} are required; largest difference {self.max_difference:.3g})"
            )
        if drop is not None and drop > gate.iou_drop:
            return (
                f"in {precision} the IoU falls by {drop:.2f} points, from {self.iou_source:.4f} to "
                f"{self.iou_exported:.4f} on {self.labelled} images (at most {gate.iou_drop} are allowed)"
            )
        return None

    def require(self, where: str | Path) -> None:
        """Raise WeightsError when the gate of fp32 is not reached."""
        complaint = self.complaint("fp32")
        if complaint is not None:
            raise WeightsError(complaint, where=where, remedy=FP32_REMEDY)


def parity(first: Segmenter, second: Segmenter, images: Iterable[Shown]) -> Parity:
    """Compare two segmenters on images in the convention of ``flawscope.images``.

    Raises:
        WeightsError: their labels differ.
    """
    if first.labels != second.labels:
        raise WeightsError(
            f"'{first.name}' knows {first.labels} and '{second.name}' {second.labels}", where="parity"
        )
    count = pixels = values = equal = found = decided = equal_decided = 0
    total = worst = 0.0
    ious: list[tuple[float, float]] = []
    for shown in images:
        one, two = (segmenter.segment(shown.image).probability for segmenter in (first, second))
        difference = np.abs(one - two)
        worst = max(worst, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        answers = binarize(one, first.threshold), binarize(two, first.threshold)
        count, pixels, values = count + 1, pixels + answers[0].size, values + difference.size
        same, firm = answers[0] == answers[1], firmly(one, first.threshold)
        equal += int(np.count_nonzero(same))
        decided += int(np.count_nonzero(firm))
        equal_decided += int(np.count_nonzero(same & firm))
        found += int(np.count_nonzero(answers[0]))
        if shown.truth is not None:
            ious.append((masks_iou(answers[0], shown.truth), masks_iou(answers[1], shown.truth)))
    if count == 0:
        raise WeightsError(
            "no image to compare on", where="parity", remedy="Give a folder of images with --data"
        )
    means = [float(mean) for mean in np.mean(ious, axis=0)] if ious else [None, None]
    return Parity(
        images=count,
        pixels=pixels,
        max_difference=worst,
        mean_difference=total / values,
        equal_labels=equal / pixels,
        found=found / pixels,
        decided=decided / pixels,
        equal_decided=equal_decided / decided if decided else 1.0,
        labelled=len(ious),
        iou_source=means[0],
        iou_exported=means[1],
    )


def firmly(probability: Probability, threshold: float) -> npt.NDArray[np.bool_]:
    """``(height, width)``: where the probability of any defect is more than :data:`UNDECIDED` from the threshold."""
    decided: npt.NDArray[np.bool_] = np.abs(probability.sum(axis=0) - threshold) > UNDECIDED
    return decided
