"""What validation collects: the foreground IoU at every threshold, from one pass over the images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.images import Mask, Probability
from flawscope.segment import binarize

THRESHOLDS: npt.NDArray[np.float64] = np.arange(1, 100) / 100
"""0.01 to 0.99."""


class ValidationCurve:
    """Image-mean foreground IoU against threshold, and pooled IoU of each class.

    An image without defects scores 1 where nothing is found and 0 otherwise.
    """

    def __init__(self) -> None:
        self._image_ious: list[npt.NDArray[np.float64]] = []
        self._intersections: npt.NDArray[np.int64] | None = None
        self._unions: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._image_ious)

    def add(self, probability: Probability, truth: Mask) -> None:
        """One image: ``(K, h, w)`` probabilities and ``(h, w)`` class numbers."""
        any_defect = probability[0] if len(probability) == 1 else probability.sum(axis=0)
        # p > k/100 exactly when the number of thresholds below p exceeds k - 1
        level = np.searchsorted(THRESHOLDS, any_defect.ravel().astype(np.float64), side="left")
        found = np.bincount(level, minlength=100)
        hits = np.bincount(level[truth.ravel() > 0], minlength=100)
        found_above = found[::-1].cumsum()[::-1][1:]
        hits_above = hits[::-1].cumsum()[::-1][1:]
        union = found_above + int(hits.sum()) - hits_above
        self._image_ious.append(np.where(union > 0, hits_above / np.maximum(union, 1), 1.0))
        self._add_classes(binarize(probability, 0.5), truth, len(probability))

    def _add_classes(self, answer: Mask, truth: Mask, classes: int) -> None:
        numbers = np.arange(1, classes + 1, dtype=np.uint8)[:, None, None]
        found, true = answer[None] == numbers, truth[None] == numbers
        intersections, unions = (found & true).sum(axis=(1, 2)), (found | true).sum(axis=(1, 2))
        if self._intersections is None or self._unions is None:
            self._intersections, self._unions = intersections, unions
        else:
            self._intersections = self._intersections + intersections
            self._unions = self._unions + unions

    def curve(self) -> npt.NDArray[np.float64]:
        """Image-mean foreground IoU at each of ``THRESHOLDS``."""
        return np.mean(self._image_ious, axis=0) if self._image_ious else np.zeros(len(THRESHOLDS))

    def iou_at(self, threshold: float) -> float:
        """Image-mean foreground IoU at one of ``THRESHOLDS``."""
        return float(self.curve()[round(threshold * 100) - 1])

    def class_ious(self) -> list[float]:
        """IoU of each class at 0.5, pixels pooled over images; 1 for a class that is nowhere."""
        if self._intersections is None or self._unions is None:
            return []
        ious = np.where(self._unions > 0, self._intersections / np.maximum(self._unions, 1), 1.0)
        return [float(value) for value in ious]

    def score(self) -> float:
        """The figure by which weights are chosen: foreground IoU at 0.5, or class mIoU when there are several."""
        ious = self.class_ious()
        return self.iou_at(0.5) if len(ious) <= 1 else float(np.mean(ious))

    def best_threshold(self) -> float:
        """The middle of the thresholds whose IoU is within 0.001 of the best, for it barely matters which."""
        curve = self.curve()
        good = np.flatnonzero(curve >= curve.max() - 0.001)
        return float(THRESHOLDS[good[len(good) // 2]])
