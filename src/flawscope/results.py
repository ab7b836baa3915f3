"""What every prediction returns, whatever made it: an :class:`InspectionResult` with its defects.

Everything is in the pixels of the original image. Boxes are ``(x, y, width, height)`` with the corner pixel
inside; centroids are ``(x, y)`` at pixel centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from flawscope.images import Image, Mask, Probability, to_uint8
from flawscope.runs import Runs

RESULT_SCHEMA = "flawscope/result/1"

PALETTE: tuple[tuple[int, int, int], ...] = (
    (230, 57, 70),
    (255, 183, 3),
    (33, 158, 188),
    (138, 201, 38),
    (157, 78, 221),
    (251, 133, 0),
)
"""RGB colours of the classes in overlays; they repeat after six."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One connected region of one class.

    Attributes:
        label: class name.
        score: mean probability over the region, 0 to 1.
        runs: its pixels.
    """

    label: str
    score: float
    runs: Runs

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``(x, y, width, height)`` in pixels."""
        return self.runs.box

    @property
    def area(self) -> int:
        """Pixels."""
        return self.runs.area

    @property
    def centroid(self) -> tuple[float, float]:
        """``(x, y)`` in pixels."""
        return self.runs.centroid

    @property
    def contours(self) -> tuple[npt.NDArray[np.int32], ...]:
        """Outer border and holes, each the ``(n, 2)`` corner pixels ``(x, y)``; drawn anew at every call."""
        x, y, _, _ = self.box
        borders, _ = cv2.findContours(
            self.region().astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y)
        )
        return tuple(border[:, 0].astype(np.int32) for border in borders)

    def region(self) -> npt.NDArray[np.bool_]:
        """The pixels of the defect within its box, ``(box height, box width)``."""
        return self.runs.mask()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "box": list(self.box),
            "area_px": self.area,
            "centroid": [round(value, 2) for value in self.centroid],
        }


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """The answer for one image.

    Attributes:
        source: where the image came from, for people (a path, ``"array"``).
        mask: ``(height, width)`` ``uint8``, 0 background, class number elsewhere.
        probability: ``(K, height, width)`` ``float32``, or None where it was not kept.
        labels: names of classes 1 to K.
        threshold: the probability above which a pixel is a defect; None if Otsu chose it.
        defects: connected regions, largest first.
        seconds: time from pixels to mask.
        weights: which weights answered.
    """

    source: str
    mask: Mask
    labels: tuple[str, ...]
    defects: tuple[Defect, ...]
    threshold: float | None = None
    probability: Probability | None = None
    seconds: float = 0.0
    weights: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Rows of the original image."""
        return int(self.mask.shape[0])

    @property
    def width(self) -> int:
        """Columns of the original image."""
        return int(self.mask.shape[1])

    @property
    def defect_fraction(self) -> float:
        """Share of pixels that belong to any defect, 0 to 1."""
        return float(np.count_nonzero(self.mask)) / self.mask.size

    def to_json(self) -> dict[str, Any]:
        """One line of ``results.jsonl``."""
        return {
            "schema": RESULT_SCHEMA,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "defect_fraction": round(self.defect_fraction, 6),
            "threshold": self.threshold,
            "seconds": round(self.seconds, 4),
            "weights": self.weights,
            "defects": [defect.to_json() for defect in self.defects],
            **self.extra,
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a defect, with the keys of :data:`ROW_COLUMNS`."""
        return defect_rows(self.to_json())

    def overlay(self, image: Image, *, opacity: float = 0.45) -> npt.NDArray[np.uint8]:
        """The image with its defects tinted and outlined, ``(height, width, 3)`` ``uint8`` RGB."""
        canvas = to_uint8(image).copy()
        thickness = max(1, round(min(canvas.shape[:2]) / 400))
        for number in range(1, len(self.labels) + 1):
            region = self.mask == number
            if not region.any():
                continue
            colour = np.array(PALETTE[(number - 1) % len(PALETTE)], dtype=np.float32)
            mixed = canvas[region].astype(np.float32) * (1 - opacity) + colour * opacity
            canvas[region] = np.rint(mixed).astype(np.uint8)
            borders, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, borders, -1, [int(part) for part in colour], thickness)
        return canvas


ROW_COLUMNS = (
    "source",
    "defect",
    "label",
    "score",
    "x",
    "y",
    "width",
    "height",
    "area_px",
    "centroid_x",
    "centroid_y",
)
"""Columns of ``results.csv``."""


def defect_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One flat row a defect, of a result in the form of :meth:`InspectionResult.to_json`."""
    rows = []
    for number, defect in enumerate(record["defects"], start=1):
        values = (defect["label"], defect["score"], *defect["box"], defect["area_px"], *defect["centroid"])
        rows.append(dict(zip(ROW_COLUMNS, (record["source"], number, *values), strict=True)))
    return rows


def find_defects(
    mask: Mask, labels: Sequence[str], probability: Probability | None = None, *, min_area: int = 1
) -> tuple[Defect, ...]:
    """Connected regions (8 neighbours) of each class, largest first.

    Args:
        mask: class numbers, 0 background.
        labels: names of classes 1 to K.
        probability: for the scores; without it every score is 1.
        min_area: regions of fewer pixels are left out of the list.
    """
    found: list[tuple[int, tuple[int, int, int, int], Defect]] = []
    present = np.bincount(mask.ravel(), minlength=len(labels) + 1)
    for number, label in enumerate(labels, start=1):
        if not present[number]:
            continue
        for region in regions_of(Runs.of_mask(mask == number)):
            if region.area >= min_area:
                score = 1.0 if probability is None else _mean(region, probability[number - 1])
                found.append((-region.area, region.box, Defect(label, score, region)))
    return tuple(defect for _, _, defect in sorted(found, key=lambda entry: entry[:2]))


def regions_of(runs: Runs) -> list[Runs]:
    """The connected regions (8 neighbours) of any pixels, each with arrays of its own."""
    count = len(runs.rows)
    if not count:
        return []
    wide = int(runs.ends.max()) + 2
    above = (runs.rows + 1) * wide
    # Runs of the next row that begin at or before the column after this run, and end at or after its first.
    first = np.searchsorted(runs.rows * wide + runs.ends, above + runs.starts)
    last = np.searchsorted(runs.rows * wide + runs.starts, above + runs.ends, side="right")
    touched = np.maximum(last - first, 0)
    one = np.repeat(np.arange(count), touched)
    other = np.arange(touched.sum()) + np.repeat(first - (np.cumsum(touched) - touched), touched)
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    number, member = connected_components(links, directed=False)
    order = np.argsort(member, kind="stable")
    edges = np.searchsorted(member[order], np.arange(1, number))
    pieces = (np.split(part[order], edges) for part in (runs.rows, runs.starts, runs.ends))
    return [Runs(rows.copy(), starts.copy(), ends.copy()) for rows, starts, ends in zip(*pieces, strict=True)]


_AT_ONCE = 2**22
"""Pixels that are gathered at once."""


def _mean(region: Runs, plane: npt.NDArray[np.float32]) -> float:
    """The mean of a plane over a region."""
    flat, lengths = plane.ravel(), (region.ends - region.starts).astype(np.int64)
    first = region.rows * plane.shape[1] + region.starts
    step = max(1, _AT_ONCE // int(lengths.max()))
    total = 0.0
    for begin in range(0, len(first), step):
        part = lengths[begin : begin + step]
        to_run = np.repeat(first[begin : begin + step] - (np.cumsum(part) - part), part)
        total += float(flat[to_run + np.arange(len(to_run))].sum(dtype=np.float64))
    return total / region.area


HIT, FALSE_ALARM, MISS = (255, 255, 255), (255, 0, 0), (0, 255, 0)
"""Colours of OCINet's Fig. 6: correct, wrong and missed defect pixels."""


def paint_hits(answer: Mask, truth: Mask) -> npt.NDArray[np.uint8]:
    """Answer against truth in the paper's colours on black, ``(height, width, 3)`` ``uint8`` RGB.

    A pixel is a hit where both name the same defect class, a false alarm where the answer names a class that the
    truth does not, and a miss where only the truth names one.
    """
    canvas = np.zeros((*truth.shape, 3), dtype=np.uint8)
    canvas[(truth > 0) & (answer == 0)] = MISS
    canvas[(answer > 0) & (answer != truth)] = FALSE_ALARM
    canvas[(answer > 0) & (answer == truth)] = HIT
    return canvas
