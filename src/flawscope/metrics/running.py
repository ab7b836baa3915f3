"""The running accumulator: images in, one by one; figures out, at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.images import Mask, Probability
from flawscope.metrics.arrays import Floats
from flawscope.metrics.defects import SIZE_EDGES
from flawscope.metrics.intervals import bootstrap, wilson
from flawscope.metrics.overlap import class_ious, ratio
from flawscope.metrics.protocols import Protocol
from flawscope.metrics.reliability import (
    diagram,
    expected_calibration_error,
    maximum_calibration_error,
    stacked_totals,
)
from flawscope.metrics.threshold_curve import curve
from flawscope.metrics.totals import ImageScores


@dataclass
class Running:
    """Scores of the images seen so far.

    Attributes:
        protocol: how each image is scored.
        rows: the figures of each image, in order.
    """

    protocol: Protocol
    rows: list[dict[str, float]] = field(default_factory=list)
    _sums: list[Floats] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._sums)

    def update(self, probability: Probability, answer: Mask, truth: Mask) -> ImageScores:
        """Score one image and remember it; see ``metrics.protocols.Protocol.score``."""
        scores = self.protocol.score(probability, answer, truth)
        self.add(scores)
        return scores

    def add(self, scores: ImageScores) -> None:
        """Remember an image that the protocol has scored."""
        self.rows.append(scores.values)
        self._sums.append(scores.sums)

    def merge(self, other: Running) -> None:
        """Take over the images of another accumulator of the same protocol."""
        if other.protocol != self.protocol:
            raise ValueError("accumulators of different protocols cannot be merged")
        self.rows += other.rows
        self._sums += other._sums

    def part(self, chosen: Sequence[int]) -> Running:
        """An accumulator of some of the images, by their place."""
        return Running(self.protocol, [self.rows[i] for i in chosen], [self._sums[i] for i in chosen])

    def split(self, keys: Sequence[str | None]) -> dict[str, Running]:
        """One accumulator for each key, sorted; images without a key are in none."""
        places: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            if key is not None:
                places.setdefault(key, []).append(place)
        return {key: self.part(places[key]) for key in sorted(places)}

    @property
    def sums(self) -> npt.NDArray[np.float64]:
        """``(images, size)`` totals of each image."""
        return np.stack(self._sums) if self._sums else np.zeros((0, self.protocol.layout.size))

    def figures(self) -> dict[str, float]:
        """Every figure of the protocol; NaN where undefined."""
        return {name: float(value) for name, value in self.protocol.figures(self._total).items()}

    def undefined(self) -> dict[str, int]:
        """For each image mean, how many images were left out because it is undefined for them, where any were."""
        parts = self._parts
        left_out = {
            name.removeprefix("defined_"): len(self) - int(value)
            for name, value in parts.items()
            if name.startswith("defined_")
        }
        return {name: count for name, count in left_out.items() if count}

    def intervals(
        self, groups: Sequence[str] | None = None, *, resamples: int = 1000, seed: int = 0
    ) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals of every figure; see ``metrics.intervals.bootstrap``."""
        compute: Callable[[npt.NDArray[np.float64]], dict[str, Floats]] = self.protocol.figures
        return bootstrap(compute, self.sums, groups, resamples=resamples, seed=seed)

    def curve(self) -> dict[str, Floats]:
        """Figures at each of ``threshold_curve.THRESHOLDS``; needs a protocol that keeps the soft map's totals."""
        return curve(self._parts)

    def per_class(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """One row a class, background first: pixels pooled over images, and its defects.

        Only for protocols that keep a confusion matrix.
        """
        parts = self._parts
        matrix = parts["confusion"]
        hits, true, answered = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        figures = {
            "iou_pooled": class_ious(matrix),
            "dice_pooled": ratio(2 * hits, true + answered, empty=np.nan),
            "recall": ratio(hits, true, empty=np.nan),
            "precision": ratio(hits, answered, empty=np.nan),
        }
        rows = []
        for number, label in enumerate(("background", *labels)):
            row: dict[str, Any] = {"class": label, "true_pixels": int(true[number])}
            row |= {name: float(values[number]) for name, values in figures.items()}
            if number:
                for name in ("true_defects", "found_defects", "answered_defects", "false_alarms"):
                    row[name] = int(parts[name][number - 1])
            rows.append(row)
        return rows

    def reliability(self, labels: Sequence[str]) -> list[dict[str, Any]]:
        """Any defect, then each class where there are several: calibration errors and the bins of the diagram.

        Only for protocols that measure the soft map.
        """
        totals = stacked_totals(self._parts)
        names = ["any defect", *labels] if len(labels) > 1 else ["any defect"]
        return [
            {
                "class": name,
                "ece": float(expected_calibration_error(one)),
                "mce": float(maximum_calibration_error(one)),
                **diagram(one),
            }
            for name, one in zip(names, totals, strict=False)
        ]

    def by_size(self) -> list[dict[str, Any]]:
        """Detection probability against the size of true defects, all classes together, with Wilson's interval."""
        parts = self._parts
        total = parts["size_true"].sum(axis=0).astype(int)
        found = parts["size_found"].sum(axis=0).astype(int)
        rows = []
        for place, low in enumerate(SIZE_EDGES):
            count, hits = int(total[place]), int(found[place])
            rows.append(
                {
                    "from_px": low,
                    "below_px": SIZE_EDGES[place + 1] if place + 1 < len(SIZE_EDGES) else None,
                    "defects": count,
                    "found": hits,
                    "probability": hits / count if count else float("nan"),
                    "interval": list(wilson(hits, count)),
                }
            )
        return rows

    @property
    def _total(self) -> Floats:
        return np.asarray(self.sums.sum(axis=0))

    @property
    def _parts(self) -> dict[str, Floats]:
        return self.protocol.layout.unpack(self._total)
