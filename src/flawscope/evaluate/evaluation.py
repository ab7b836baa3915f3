"""What an evaluation returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flawscope.metrics.names import EMPTY_RULE
from flawscope.metrics.threshold_curve import THRESHOLDS, best_threshold


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of some images.

    Attributes:
        images: how many.
        figures: at the headline threshold (or by the published protocol); NaN where undefined.
        calibrated: at the calibrated threshold, only those that depend on it; empty without one.
    """

    images: int
    figures: dict[str, float]
    calibrated: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"images": self.images, "figures": self.figures, "figures_calibrated": self.calibrated}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one answerer on one dataset.

    Attributes:
        source: who answered.
        data: the dataset, and its split where one was chosen.
        labels: names of the classes that were compared.
        settings: how it was made, as plain values.
        whole: all images.
        intervals: 95 % bootstrap intervals of ``whole.figures``; empty if not wanted.
        calibrated_intervals: those of ``whole.calibrated``.
        calibrated_threshold: the second threshold, if there is one.
        undefined: for each image mean, the images left out because it is undefined for them.
        subsets: by ``Sample.subset``.
        kinds: by ``Sample.kind``.
        classes: one row a class, background first (protocol ``standard``).
        sizes: detection probability against defect size (protocol ``standard``).
        curve: figures at each threshold of ``metrics.THRESHOLDS`` (protocol ``standard``).
        reliability: for any defect, then each of several classes, calibration errors and the bins of the diagram
            (protocol ``standard``).
        rows: one row an image, in order.
        notes: what the reader should know.
        failures: one line for each image that could not be evaluated.
        interrupted: stopped before the last image.
        seconds: time spent answering, all images together.
    """

    source: str
    data: str
    labels: tuple[str, ...]
    settings: dict[str, Any]
    whole: Part
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    calibrated_intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    calibrated_threshold: float | None = None
    undefined: dict[str, int] = field(default_factory=dict)
    subsets: dict[str, Part] = field(default_factory=dict)
    kinds: dict[str, Part] = field(default_factory=dict)
    classes: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    curve: dict[str, list[float]] = field(default_factory=dict)
    reliability: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def figures(self) -> dict[str, float]:
        """The headline figures of all images."""
        return self.whole.figures

    @property
    def subset_mean(self) -> Part | None:
        """The mean of the subsets, each counting once: the paper's headline on NRSD-MN. None below two subsets."""
        if len(self.subsets) < 2:
            return None
        parts = list(self.subsets.values())
        return Part(
            images=sum(part.images for part in parts),
            figures=_mean([part.figures for part in parts]),
            calibrated=_mean([part.calibrated for part in parts]),
        )

    @property
    def best_threshold_here(self) -> float | None:
        """The threshold with the best image-mean IoU on these very images: an upper bound, not a result."""
        if not self.curve:
            return None
        import numpy as np

        return best_threshold(np.asarray(self.curve["iou_fg_image_mean"]))

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the rows of the images."""
        mean = self.subset_mean
        return {
            "source": self.source,
            "data": self.data,
            "labels": list(self.labels),
            "settings": self.settings,
            "empty_masks": EMPTY_RULE,
            "images": self.whole.images,
            "interrupted": self.interrupted,
            "failures": self.failures,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
            "figures": self.whole.figures,
            "intervals_95": self.intervals,
            "calibrated_threshold": self.calibrated_threshold,
            "figures_calibrated": self.whole.calibrated,
            "intervals_95_calibrated": self.calibrated_intervals,
            "undefined_images": self.undefined,
            "subsets": {name: part.to_json() for name, part in self.subsets.items()},
            "subset_mean": None if mean is None else mean.to_json(),
            "kinds": {name: part.to_json() for name, part in self.kinds.items()},
            "classes": self.classes,
            "detection_by_size": self.sizes,
            "reliability": self.reliability,
            "best_threshold_here": self.best_threshold_here,
            "curve": {"threshold": THRESHOLDS.tolist(), **self.curve} if self.curve else {},
        }


def _mean(parts: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
