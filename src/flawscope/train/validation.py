"""What validation collects: the foreground IoU at every threshold, from one pass over the images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.images import Mask, Probability
from flawscope.metrics.threshold_curve import THRESHOLDS, best_threshold, curve_parts
from flawscope.segment import binarize


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
        parts = curve_parts(any_defect, truth > 0)
        self._image_ious.append(np.asarray(parts["curve_iou"], dtype=np.float64))
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
        """IoU of each class at 0.5, pixels pooled over images; NaN for a class that is nowhere."""
        if self._intersections is None or self._unions is None:
            return []
        ious = np.where(self._unions > 0, self._intersections / np.maximum(self._unions, 1), np.nan)
        return [float(value) for value in ious]

    def score(self) -> float:
        """What weights are chosen by: foreground IoU at 0.5, or the mIoU of the classes seen if there are several."""
        ious = self.class_ious()
        somewhere = [iou for iou in ious if not np.isnan(iou)]
        return float(np.mean(somewhere)) if len(ious) > 1 and somewhere else self.iou_at(0.5)

    def best_threshold(self) -> float:
        """The threshold to store with the weights, see ``metrics.threshold_curve.best_threshold``."""
        return best_threshold(self.curve())
