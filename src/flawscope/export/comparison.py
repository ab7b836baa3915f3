"""Does the exported file do what the trained network did? Measured on images, at their own size.

Two things are asked. Labels must stay: of all pixels in fp32, of the decided ones in bf16 and int8. And the IoU with
the true masks must not fall, where it can tell: only images whose mask holds a defect count (on a clean one it is 1
or 0, which says nothing of how well a defect is met), and only if the trained network finds a tenth of those defects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        equal_labels: share of pixels, 0 to 1, that keep their label: of all in fp32, of the decided in bf16 and int8.
            Where the IoU tells nothing and less than half of the pixels are decided, of all there too.
        iou_drop: the most that the IoU may lose, in points of 100, where it tells something.
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

_LEAST_RECALL = 0.1
"""A network that finds less than this of the true defects has hardly an IoU to lose."""

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
        iou_source, iou_exported: IoU of any defect with the true masks, mean over the ``defective`` images; None
            without any.
        found_exported: share of pixels, 0 to 1, that the second calls a defect.
        worst_labels: ``equal_labels`` of the image where it is lowest.
        defective: how many of the labelled images hold a defect by their mask.
        recall: share of their true defect pixels, 0 to 1, that the first finds; None without any.
        clean_changed: share of the labelled images without a defect, 0 to 1, in which one of the two finds some pixel
            and the other none; None without such images.
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
    found_exported: float = 0.0
    worst_labels: float = 1.0
    defective: int = 0
    recall: float | None = None
    clean_changed: float | None = None

    @property
    def clean(self) -> int:
        """How many of the labelled images hold no defect by their mask."""
        return self.labelled - self.defective

    @property
    def iou_drop(self) -> float | None:
        """What the IoU loses, in points of 100; negative where it gains."""
        if self.iou_source is None or self.iou_exported is None:
            return None
        return 100 * (self.iou_source - self.iou_exported)

    @property
    def iou_tells(self) -> bool:
        """Whether the IoU can judge: the first finds a tenth of the true defects, or more."""
        return self.recall is not None and iou_tells(self.recall)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        told = {"clean": self.clean, "iou_drop_points": self.iou_drop, "iou_tells": self.iou_tells}
        return asdict(self) | told

    def summary(self) -> dict[str, Any]:
        """What travels in the exported file."""
        names = ("images", "defective", "equal_labels", "worst_labels", "equal_decided")
        values = {name: getattr(self, name) for name in (*names, "iou_source", "iou_exported")}
        return {
            name: round(value, 6) if isinstance(value, float) else value for name, value in values.items()
        }

    def complaint(self, precision: Precision) -> str | None:
        """In which way the gate of ``precision`` is not reached; None where it is."""
        gate, drop = GATES[precision], self.iou_drop
        of_decided = precision != "fp32" and (self.iou_tells or self.decided >= _MOST)
        equal = self.equal_decided if of_decided else self.equal_labels
        if equal < gate.equal_labels:
            return (
                f"only {equal:.3%} of the {'decided ' * of_decided}pixels keep their label after export "
                f"({gate.equal_labels:.1%} are required; largest difference {self.max_difference:.3g})"
            )
        if drop is not None and drop > gate.iou_drop:
            return (
                f"in {precision} the IoU falls by {drop:.2f} points, from {self.iou_source:.4f} to "
                f"{self.iou_exported:.4f} on {self.defective} images with defects (at most {gate.iou_drop} are "
                "allowed)"
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
    rows = [_compared(first, second, shown) for shown in images]
    if not rows:
        raise WeightsError(
            "no image to compare on", where="parity", remedy="Give a folder of images with --data"
        )
    pixels, decided = (sum(getattr(row, name) for row in rows) for name in ("pixels", "decided"))
    true = [row for row in rows if row.true]
    clean = [row for row in rows if row.true == 0]
    return Parity(
        images=len(rows),
        pixels=pixels,
        max_difference=max(row.max_difference for row in rows),
        mean_difference=sum(row.mean_difference * row.pixels for row in rows) / pixels,
        equal_labels=sum(row.equal for row in rows) / pixels,
        found=sum(row.found[0] for row in rows) / pixels,
        decided=decided / pixels,
        equal_decided=sum(row.equal_decided for row in rows) / decided if decided else 1.0,
        labelled=len(true) + len(clean),
        iou_source=_mean([row.ious[0] for row in true]),
        iou_exported=_mean([row.ious[1] for row in true]),
        found_exported=sum(row.found[1] for row in rows) / pixels,
        worst_labels=min(row.equal / row.pixels for row in rows),
        defective=len(true),
        recall=sum(row.hits for row in true) / sum(row.true or 0 for row in true) if true else None,
        clean_changed=_mean([(row.found[0] > 0) != (row.found[1] > 0) for row in clean]),
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """One image, counted in pixels; ``found`` and ``ious`` of the first and the second.

    ``true`` is None without a mask, and ``hits`` are the true pixels that the first finds.
    """

    pixels: int
    max_difference: float
    mean_difference: float
    equal: int
    decided: int
    equal_decided: int
    found: tuple[int, int]
    true: int | None
    hits: int
    ious: tuple[float, float]


def _compared(first: Segmenter, second: Segmenter, shown: Shown) -> _Compared:
    one, two = (segmenter.segment(shown.image).probability for segmenter in (first, second))
    difference = np.abs(one - two)
    answers = binarize(one, first.threshold), binarize(two, first.threshold)
    same, firm = answers[0] == answers[1], firmly(one, first.threshold)
    truth = shown.truth
    return _Compared(
        pixels=same.size,
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean(dtype=np.float64)),
        equal=int(np.count_nonzero(same)),
        decided=int(np.count_nonzero(firm)),
        equal_decided=int(np.count_nonzero(same & firm)),
        found=(int(np.count_nonzero(answers[0])), int(np.count_nonzero(answers[1]))),
        true=None if truth is None else int(np.count_nonzero(truth)),
        hits=0 if truth is None else int(np.count_nonzero((answers[0] > 0) & (truth > 0))),
        ious=(0.0, 0.0) if truth is None else (masks_iou(answers[0], truth), masks_iou(answers[1], truth)),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def iou_tells(recall: float) -> bool:
    """Whether an IoU can show a loss, of a network that finds this share of the true defect pixels."""
    return recall >= _LEAST_RECALL


def firmly(probability: Probability, threshold: float) -> npt.NDArray[np.bool_]:
    """``(height, width)``: where the probability of any defect is more than :data:`UNDECIDED` from the threshold."""
    decided: npt.NDArray[np.bool_] = np.abs(probability.sum(axis=0) - threshold) > UNDECIDED
    return decided
