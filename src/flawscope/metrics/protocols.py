"""The two ways of measuring: ``standard``, and ``ocinet``, which repeats how the published figures were made.

A protocol scores one image (:meth:`score`) and turns summed totals into figures (:meth:`figures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol as TypingProtocol

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.images import Mask, Probability
from flawscope.metrics import overlap
from flawscope.metrics.absolute_error import mae
from flawscope.metrics.arrays import Floats, min_max
from flawscope.metrics.boundary import TOLERANCE, boundary_scores
from flawscope.metrics.defects import OVERLAP, SIZE_EDGES, count_defects
from flawscope.metrics.e_measure import e_adaptive, e_curve
from flawscope.metrics.f_measure import f_adaptive, f_curve
from flawscope.metrics.histogram import LEVELS, level_counts
from flawscope.metrics.overlap import ratio
from flawscope.metrics.reliability import (
    expected_calibration_error,
    maximum_calibration_error,
    reliability_parts,
    reliability_shapes,
    stacked_totals,
)
from flawscope.metrics.s_measure import s_measure
from flawscope.metrics.threshold_curve import CURVE_PARTS, curve_parts
from flawscope.metrics.totals import ImageScores, Layout
from flawscope.metrics.weighted_f import weighted_f


class Protocol(TypingProtocol):
    """A way of measuring."""

    @property
    def layout(self) -> Layout:
        """Parts of its totals."""
        ...

    def score(self, probability: Probability, answer: Mask, truth: Mask) -> ImageScores:
        """Score one image.

        Args:
            probability: ``(K, height, width)``, 0 to 1.
            answer: ``(height, width)`` class numbers, what the map becomes by the threshold in force.
            truth: ``(height, width)`` class numbers.
        """
        ...

    def figures(self, sums: npt.NDArray[np.float64]) -> dict[str, Floats]:
        """Figures ``(...)`` from summed totals ``(..., size)``; NaN where undefined."""
        ...


_MASK_MEANS = (
    "iou_fg_image_mean",
    "dice_fg_image_mean",
    "recall_fg_image_mean",
    "precision_fg_image_mean",
    "boundary_f",
    "nsd",
)
_SOFT_MEANS = ("wfm", "f_measure_adaptive", "s_measure", "e_measure_adaptive", "mae")


@dataclass(frozen=True)
class Standard:
    """The default: a fixed threshold, lossless, Eq. 5 for pixel accuracy, one rule for empty masks.

    Attributes:
        classes: K, the defect classes.
        soft: also measure the soft map (no threshold enters there); False when only a second threshold is added.
        normalise: stretch each soft map to 0 to 1 before measuring it, as saliency benchmarks do. Masks,
            curves and all figures that know a threshold are made from the map as it is.
        tolerance: pixels, for boundary F and surface distance.
        min_overlap: see ``flawscope.metrics.defects``.
        min_reject_area: answered pixels from which on an image counts as rejected.
    """

    classes: int = 1
    soft: bool = True
    normalise: bool = False
    tolerance: float = TOLERANCE
    min_overlap: float = OVERLAP
    min_reject_area: int = 1

    @property
    def means(self) -> tuple[str, ...]:
        """Figures that are means over images."""
        return (*_MASK_MEANS, *(_SOFT_MEANS if self.soft else ()))

    @cached_property
    def layout(self) -> Layout:
        """See :class:`Protocol`."""
        side, bins = self.classes + 1, len(SIZE_EDGES)
        parts: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("images", "defective", "clean", "escaped", "overkilled"), ()
        )
        parts |= {"confusion": (side, side)}
        parts |= dict.fromkeys(
            ("true_defects", "found_defects", "answered_defects", "false_alarms"), (self.classes,)
        )
        parts |= {"size_true": (self.classes, bins), "size_found": (self.classes, bins)}
        parts |= {f"sum_{name}": () for name in self.means} | {f"defined_{name}": () for name in self.means}
        if self.soft:
            parts |= {"f_curve": (LEVELS,), "e_curve": (LEVELS,)} | CURVE_PARTS
            parts |= reliability_shapes(self.classes)
        return Layout(parts)

    def score(self, probability: Probability, answer: Mask, truth: Mask) -> ImageScores:
        """See :class:`Protocol`."""
        matrix = overlap.confusion(answer, truth, self.classes)
        defective = bool(matrix[1:].any())
        rejected = int(matrix[:, 1:].sum()) >= self.min_reject_area
        found = [
            count_defects(answer, truth, number, overlap=self.min_overlap)
            for number in range(1, self.classes + 1)
        ]
        sizes = [counts.by_size() for counts in found]
        values = {
            "iou_fg_image_mean": float(overlap.iou_fg(matrix)),
            "dice_fg_image_mean": float(overlap.dice_fg(matrix)),
            "recall_fg_image_mean": float(overlap.recall_fg(matrix)),
            "precision_fg_image_mean": float(overlap.precision_fg(matrix)),
        }
        values["boundary_f"], values["nsd"] = boundary_scores(answer, truth, tolerance=self.tolerance)
        parts: dict[str, object] = {
            "images": 1,
            "defective": defective,
            "clean": not defective,
            "escaped": defective and not rejected,
            "overkilled": rejected and not defective,
            "confusion": matrix,
            "true_defects": [len(counts.areas) for counts in found],
            "found_defects": [int(counts.found.sum()) for counts in found],
            "answered_defects": [counts.answered for counts in found],
            "false_alarms": [counts.false_alarms for counts in found],
            "size_true": [total for total, _ in sizes],
            "size_found": [hit for _, hit in sizes],
        }
        if self.soft:
            any_defect = np.minimum(probability.sum(axis=0), 1.0)
            parts |= curve_parts(any_defect, truth > 0, self.min_reject_area)
            parts |= reliability_parts(probability, truth)
            parts |= self._score_soft(any_defect, truth > 0, values)
        for name in self.means:
            defined = not np.isnan(values[name])
            parts[f"sum_{name}"] = values[name] if defined else 0.0
            parts[f"defined_{name}"] = defined
        counts = {
            name: float(np.sum(parts[name]))  # type: ignore[call-overload]
            for name in ("true_defects", "found_defects", "answered_defects", "false_alarms")
        }
        rows = {"pixel_accuracy": float(overlap.pixel_accuracy(matrix))} | values | counts
        return ImageScores(values=rows, sums=self.layout.pack(parts))

    def _score_soft(
        self, any_defect: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], values: dict[str, float]
    ) -> dict[str, object]:
        soft = min_max(any_defect) if self.normalise else any_defect.astype(np.float64)
        counts = level_counts(soft, truth)
        curves = {"f_curve": f_curve(counts), "e_curve": e_curve(counts)}
        values["wfm"] = weighted_f(soft, truth)
        values["f_measure_adaptive"] = f_adaptive(soft, truth)
        values["s_measure"] = s_measure(soft, truth)
        values["e_measure_adaptive"] = e_adaptive(soft, truth)
        values["mae"] = mae(soft, truth)
        return dict(curves)

    def figures(self, sums: npt.NDArray[np.float64]) -> dict[str, Floats]:
        """See :class:`Protocol`."""
        parts = self.layout.unpack(sums)
        matrix, images = parts["confusion"], parts["images"]
        figures = _means(parts, self.means) | {
            "iou_fg_pooled": overlap.iou_fg(matrix),
            "dice_fg_pooled": overlap.dice_fg(matrix),
            "fb_iou": overlap.fb_iou(matrix),
            "miou_classes": overlap.miou_classes(matrix),
            "pixel_accuracy": overlap.pixel_accuracy(matrix),
            "recall_fg": overlap.recall_fg(matrix),
            "precision_fg": overlap.precision_fg(matrix),
            "defect_recall": ratio(
                parts["found_defects"].sum(axis=-1), parts["true_defects"].sum(axis=-1), empty=np.nan
            ),
            "false_alarms_per_image": ratio(parts["false_alarms"].sum(axis=-1), images, empty=np.nan),
            "escape_rate": ratio(parts["escaped"], parts["defective"], empty=np.nan),
            "overkill_rate": ratio(parts["overkilled"], parts["clean"], empty=np.nan),
        }
        if self.soft:
            for letter in "fe":
                mean_curve = ratio(parts[f"{letter}_curve"], images[..., None], empty=np.nan)
                figures[f"{letter}_measure_max"] = mean_curve.max(axis=-1)
                figures[f"{letter}_measure_mean"] = mean_curve.mean(axis=-1)
            any_defect = stacked_totals(parts)[..., 0, :, :]
            figures["ece"] = expected_calibration_error(any_defect)
            figures["mce"] = maximum_calibration_error(any_defect)
        return figures


@dataclass(frozen=True)
class Published:
    """How the figures of the OCINet paper were made, as its authors' scripts do it; for comparison with its tables.

    Map: min-max and Otsu (done by the caller, ``flawscope.segment.binarize``), saved as JPEG, divided by 255 and
    truncated, so that only pixels of exactly 255 count; the label likewise. Weighted F, which none of
    their scripts computes, is taken of the same binary map. "PA" there is the mean foreground
    recall of the images: ``recall_fg_image_mean`` here. Images whose ratio would be 0 / 0 are left out and counted.

    One step differs: the scripts resize logits to the mask's size and then take the sigmoid, whereas segmenters
    here answer with probabilities at that size already. Otsu's cut then falls on slightly other pixels.

    Attributes:
        jpeg: save the binary map as JPEG before it is measured.
        quality: of that JPEG, 1 to 100; OpenCV's default is 95.
        truncate: only 255 counts; otherwise 128 and more.
        label_quality: JPEG quality that the label went through, or None for a lossless label.
    """

    jpeg: bool = True
    quality: int = 95
    truncate: bool = True
    label_quality: int | None = None

    means = ("recall_fg_image_mean", "iou_fg_image_mean", "dice_fg_image_mean", "wfm")

    @cached_property
    def layout(self) -> Layout:
        """See :class:`Protocol`."""
        parts: dict[str, tuple[int, ...]] = {"images": ()}
        parts |= {f"sum_{name}": () for name in self.means} | {f"defined_{name}": () for name in self.means}
        return Layout(parts)

    def score(self, probability: Probability, answer: Mask, truth: Mask) -> ImageScores:
        """See :class:`Protocol`; here ``truth`` holds the grey levels of the label file, 0 to 255."""
        del probability
        answered = self._as_saved((answer > 0) * np.uint8(255), self.quality if self.jpeg else None)
        true = self._as_saved(truth, self.label_quality)
        matrix = overlap.confusion(answered, true)
        anything = bool(answered.any() or true.any())
        values = {
            "recall_fg_image_mean": float(overlap.recall_fg(matrix)),
            "iou_fg_image_mean": float(overlap.iou_fg(matrix)) if anything else np.nan,
            "dice_fg_image_mean": float(overlap.dice_fg(matrix)) if anything else np.nan,
            "wfm": weighted_f(answered, true) if true.any() else np.nan,
        }
        parts: dict[str, object] = {"images": 1}
        for name, value in values.items():
            parts[f"sum_{name}"] = 0.0 if np.isnan(value) else value
            parts[f"defined_{name}"] = not np.isnan(value)
        return ImageScores(values=values, sums=self.layout.pack(parts))

    def figures(self, sums: npt.NDArray[np.float64]) -> dict[str, Floats]:
        """See :class:`Protocol`."""
        return _means(self.layout.unpack(sums), self.means)

    def _as_saved(self, grey: npt.NDArray[np.uint8], quality: int | None) -> npt.NDArray[np.bool_]:
        """What counts as defect after saving with a JPEG quality (None: losslessly) and reading again."""
        if quality is not None:
            done, encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
            assert done
            grey = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
        return np.asarray(grey == 255 if self.truncate else grey >= 128)


def _means(parts: Mapping[str, Floats], names: tuple[str, ...]) -> dict[str, Floats]:
    return {name: ratio(parts[f"sum_{name}"], parts[f"defined_{name}"], empty=np.nan) for name in names}
