"""A defect in figures: how large, long, wide, which way it lies, how it stands out.

``docs/measuring.md`` gives every definition and what it is worth on shapes whose sizes are known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import to_plane
from flawscope.images import Image, check_image
from flawscope.inspect.calibration import Calibration
from flawscope.inspect.lengths import Shape
from flawscope.results import Defect
from flawscope.runs import Runs

RING_GAP, RING_WIDTH = 2, 5
"""Pixels between a defect and the ring around it, and the width of the ring."""

_PIXELS_AT_ONCE = 2**22


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one region.

    Attributes:
        area_px: pixels.
        length_px: the longest way along the skeleton to the edges at both ends; once round, for a ring.
        width_mean_px: area divided by length.
        width_max_px: diameter of the largest circle inside.
        perimeter_px: length of all outlines, holes included.
        orientation_deg: direction of the principal axis, at least 0 and below 180: 0 along x, 90 along y,
            growing counter-clockwise as one looks at the image; 0 where no direction is longer than others. In the
            plane of the surface where there is a calibration, else of the pixels.
        contrast: mean grey inside less mean grey of the ring around, -1 to 1; None without an image or where the
            ring lies outside of it.
        area_mm2: with a calibration; so are the following.
        length_mm: as ``length_px``, measured in millimetres.
        width_mean_mm: ``area_mm2`` divided by ``length_mm``.
        width_max_mm: as ``width_max_px``.
        perimeter_mm: as ``perimeter_px``.
    """

    area_px: int
    length_px: float
    width_mean_px: float
    width_max_px: float
    perimeter_px: float
    orientation_deg: float
    contrast: float | None = None
    area_mm2: float | None = None
    length_mm: float | None = None
    width_mean_mm: float | None = None
    width_max_mm: float | None = None
    perimeter_mm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, lengths to a thousandth, without those in millimetres where there are none."""
        values = {name: rounded(name, value) for name, value in asdict(self).items() if value is not None}
        return {"contrast": None, **values}


MEASURES = tuple(each.name for each in fields(Measures))
"""Names of all measures."""


def rounded(name: str, value: float) -> float:
    """A measure as results and rules have it."""
    return round(value, 3 if name.endswith("_px") else 6)


def measure(
    defect: Defect | Runs, image: Image | None = None, calibration: Calibration | None = None
) -> Measures:
    """Measure one defect.

    Args:
        defect: at least one pixel.
        image: the whole image that the defect's pixels count in, ``(height, width)`` or ``(height, width, 3)``, for
            the contrast; only the rows around the defect are read.
        calibration: for millimetres.
    """
    taken = Measuring(defect.runs if isinstance(defect, Defect) else defect, image, calibration)
    return Measures(*(getattr(taken, name) for name in MEASURES))


class Measuring:
    """The measures of one region, each taken the first time it is asked for; :class:`Measures` says what each is.

    Args:
        runs: at least one pixel.
        image: as for :func:`measure`.
        calibration: for millimetres; without it those are None.
    """

    def __init__(
        self, runs: Runs, image: Image | None = None, calibration: Calibration | None = None
    ) -> None:
        self._runs, self._image = runs, image
        self._pixel = None if calibration is None else (calibration.mm_per_px_x, calibration.mm_per_px_y)

    @cached_property
    def area_px(self) -> int:
        """Pixels."""
        return self._runs.area

    @cached_property
    def length_px(self) -> float:
        """The longest way, in pixels."""
        return self._shape.length()

    @cached_property
    def width_mean_px(self) -> float:
        """Area over length."""
        return self.area_px / self.length_px

    @cached_property
    def width_max_px(self) -> float:
        """Of the largest circle inside."""
        return 2 * self._shape.largest_radius()

    @cached_property
    def perimeter_px(self) -> float:
        """Of all outlines, in pixels."""
        return self._shape.perimeter()

    @cached_property
    def orientation_deg(self) -> float:
        """0 to below 180; in the plane of the surface with a calibration."""
        return orientation(self._runs, self._pixel or (1.0, 1.0))

    @cached_property
    def contrast(self) -> float | None:
        """Inside less around."""
        return None if self._image is None else contrast_of(self._runs, self._image)

    @cached_property
    def area_mm2(self) -> float | None:
        """Square millimetres."""
        return None if self._pixel is None else self.area_px * self._pixel[0] * self._pixel[1]

    @cached_property
    def length_mm(self) -> float | None:
        """The longest way, in millimetres."""
        return self._in_mm("length_px", Shape.length)

    @cached_property
    def width_mean_mm(self) -> float | None:
        """Area over length, in millimetres."""
        area, length = self.area_mm2, self.length_mm
        return None if area is None or length is None else area / length

    @cached_property
    def width_max_mm(self) -> float | None:
        """Of the largest circle inside, in millimetres."""
        return self._in_mm("width_max_px", lambda shape: 2 * shape.largest_radius())

    @cached_property
    def perimeter_mm(self) -> float | None:
        """Of all outlines, in millimetres."""
        return self._in_mm("perimeter_px", Shape.perimeter)

    @cached_property
    def _shape(self) -> Shape:
        return Shape(self._runs)

    @cached_property
    def _stretched(self) -> Shape:
        assert self._pixel is not None
        return Shape(self._runs, self._pixel)

    def _in_mm(self, in_pixels: str, taken: Callable[[Shape], float]) -> float | None:
        if self._pixel is None:
            return None
        if self._pixel[0] == self._pixel[1]:
            return float(getattr(self, in_pixels)) * self._pixel[0]
        return taken(self._stretched)


def orientation(runs: Runs, scale: tuple[float, float] = (1.0, 1.0)) -> float:
    """Direction of the principal axis in degrees, from the second moments of pixels of size ``scale``."""
    lengths = (runs.ends - runs.starts).astype(np.float64)
    x, y = runs.centroid
    across = (runs.starts.astype(np.float64) + runs.ends - 1) / 2 - x
    down = runs.rows - y
    along_x = ((lengths**3 / 12).sum() + (lengths * across**2).sum()) * scale[0] ** 2
    along_y = (lengths * (down**2 + 1 / 12)).sum() * scale[1] ** 2
    mixed = -(lengths * across * down).sum() * scale[0] * scale[1]  # y grows downwards
    longer, skewed = along_x - along_y, 2 * mixed
    if np.hypot(longer, skewed) <= 1e-9 * (along_x + along_y):
        return 0.0
    degrees = float(np.degrees(np.arctan2(skewed, longer)) / 2) % 180.0
    return degrees if degrees < 180.0 else 0.0


def contrast_of(runs: Runs, image: Image) -> float | None:
    """Mean grey inside less mean grey of the ring around, in 0 to 1; None where no pixel of the ring is in the image.

    The ring is all pixels of the image more than ``RING_GAP`` and at most ``RING_GAP + RING_WIDTH`` pixels away.
    """
    height, width = image.shape[:2]
    left, top, wide, high = runs.box
    reach = RING_GAP + RING_WIDTH
    first_column, last_column = max(0, left - reach), min(width, left + wide + reach)
    rows_at_once = max(1, _PIXELS_AT_ONCE // (last_column - first_column))
    sums = np.zeros((2, 2))
    for row in range(max(0, top - reach), min(height, top + high + reach), rows_at_once):
        rows = row, min(height, top + high + reach, row + rows_at_once)
        inside = _part(
            runs, (rows[0] - reach - 1, rows[1] + reach + 1), (left - reach - 1, wide + 2 * reach + 2)
        )
        away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        shown = np.s_[
            reach + 1 : reach + 1 + rows[1] - rows[0],
            first_column - left + reach + 1 : last_column - left + reach + 1,
        ]
        inside, away = inside[shown], away[shown]
        grey = to_plane(check_image(np.asarray(image[rows[0] : rows[1], first_column:last_column])))
        for index, chosen in enumerate((inside, (away > RING_GAP) & (away <= reach))):
            sums[index] += float(grey[chosen].sum(dtype=np.float64)), np.count_nonzero(chosen)
    if not sums[:, 1].all():
        return None
    return float(sums[0, 0] / sums[0, 1] - sums[1, 0] / sums[1, 1])


def _part(runs: Runs, rows: tuple[int, int], columns: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The region in the rows from the first to before the second, from a column on for so many columns."""
    first, last = np.searchsorted(runs.rows, rows)
    changes = np.zeros((rows[1] - rows[0], columns[1] + 1), dtype=np.int8)
    at = runs.rows[first:last] - rows[0]
    changes[at, runs.starts[first:last] - columns[0]] = 1
    changes[at, runs.ends[first:last] - columns[0]] = -1
    return np.cumsum(changes, axis=1, dtype=np.int8)[:, :-1] > 0
