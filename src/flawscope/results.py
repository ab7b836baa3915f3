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

from flawscope.images import Image, Mask, Probability, to_uint8

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
        box: ``(x, y, width, height)`` in pixels.
        area: pixels.
        centroid: ``(x, y)`` in pixels.
        contours: outer border and holes, each a list of ``(x, y)`` corner pixels.
    """

    label: str
    score: float
    box: tuple[int, int, int, int]
    area: int
    centroid: tuple[float, float]
    contours: tuple[tuple[tuple[int, int], ...], ...]

    def region(self) -> npt.NDArray[np.bool_]:
        """The pixels of the defect within its box, ``(box height, box width)``, drawn from the contours."""
        x, y, width, height = self.box
        outer, *holes = [np.array(border, dtype=np.int32) - (x, y) for border in self.contours]
        filled = np.zeros((height, width), dtype=np.uint8)
        cv2.fillPoly(filled, [outer], 1)
        for hole in holes:
            # A hole's contour runs on the defect's own pixels around it: those stay.
            inside = np.zeros_like(filled)
            cv2.fillPoly(inside, [hole], 1)
            cv2.polylines(inside, [hole], True, 0)
            filled[inside > 0] = 0
        return filled.astype(bool)

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
    found: list[Defect] = []
    for number, label in enumerate(labels, start=1):
        region = (mask == number).astype(np.uint8)
        count, numbered, stats, centres = cv2.connectedComponentsWithStats(region, connectivity=8)
        if count == 1:
            continue
        if probability is None:
            scores = np.ones(count)
        else:
            sums = np.bincount(numbered.ravel(), weights=probability[number - 1].ravel(), minlength=count)
            scores = sums / np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
        for index in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[index])
            if area < min_area:
                continue
            crop = (numbered[y : y + height, x : x + width] == index).astype(np.uint8)
            borders, _ = cv2.findContours(crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
            found.append(
                Defect(
                    label=label,
                    score=float(scores[index]),
                    box=(x, y, width, height),
                    area=area,
                    centroid=(float(centres[index][0]), float(centres[index][1])),
                    contours=tuple(
                        tuple((int(px), int(py)) for px, py in border[:, 0, :]) for border in borders
                    ),
                )
            )
    return tuple(sorted(found, key=lambda defect: (-defect.area, defect.box)))


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
