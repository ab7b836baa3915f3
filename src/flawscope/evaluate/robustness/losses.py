"""What degraded images cost, against the same images untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Floats
from flawscope.metrics.intervals import bootstrap
from flawscope.metrics.overlap import ratio

Row = Mapping[str, Any]
"""Of ``Evaluation.rows``."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How much a figure fell, on the same images.

    Attributes:
        value: untouched minus degraded; above 0 the degraded ones are worse.
        interval: its 95 % bootstrap interval; None where there is none.
    """

    value: float
    interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"value": self.value, "interval_95": self.interval}


def losses(
    untouched: Sequence[Row], degraded: Sequence[Row], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Loss]:
    """Loss of ``iou_fg_image_mean`` and ``iou_fg_pooled`` over the images that are in both.

    Images are paired by name; the bootstrap draws whole groups with both halves of their pairs.
    """
    before = {row["name"]: row for row in untouched}
    pairs = [(before[row["name"]], row) for row in degraded if row["name"] in before]
    sums = np.array([[1.0, *_sums(one), *_sums(two)] for one, two in pairs])
    groups = [row["group"] or f"\0{row['name']}" for _, row in pairs]
    intervals = bootstrap(_losses, sums, groups, resamples=resamples, seed=seed) if resamples else {}
    values = _losses(sums.sum(axis=0))
    return {name: Loss(float(value), intervals.get(name)) for name, value in values.items()}


def false_alarms(rows: Sequence[Row], clean: set[str]) -> dict[str, float]:
    """How much is answered on images without a defect; NaN without such images.

    Args:
        rows: of all images.
        clean: names of those without a true pixel when untouched.

    Returns:
        ``overkill_rate``, the share of them with an answered pixel, and ``false_alarm_area``, answered pixels over
        all of their pixels.
    """
    sound = [row for row in rows if row["name"] in clean]
    if not sound:
        return {"overkill_rate": float("nan"), "false_alarm_area": float("nan")}
    answered = np.array([row["answered_pixels"] for row in sound])
    pixels = np.array([row["width"] * row["height"] for row in sound])
    return {
        "overkill_rate": float((answered > 0).mean()),
        "false_alarm_area": float(answered.sum() / pixels.sum()),
    }


def clean_names(rows: Sequence[Row]) -> set[str]:
    """Images without a true pixel."""
    return {row["name"] for row in rows if not row["true_pixels"]}


def _sums(row: Row) -> tuple[float, float, float]:
    """IoU of an image, its hits, and its true and answered pixels together, which hits make IoU of."""
    iou, both = row["iou_fg"], row["true_pixels"] + row["answered_pixels"]
    return iou, round(iou * both / (1 + iou)), both


def _losses(sums: npt.NDArray[np.float64]) -> dict[str, Floats]:
    images, *parts = np.moveaxis(sums, -1, 0)
    means = [ratio(parts[place], images, empty=np.nan) for place in (0, 3)]
    pooled = [
        ratio(hits, both - hits, empty=1.0) for hits, both in ((parts[1], parts[2]), (parts[4], parts[5]))
    ]
    return {"iou_fg_image_mean": means[0] - means[1], "iou_fg_pooled": pooled[0] - pooled[1]}
