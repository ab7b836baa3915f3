"""Shapes of a zone, and how the box of a defect lies to them. All in pixels of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Box = tuple[float, float, float, float]
"""``(x, y, width, height)`` in pixels."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """In pixels; the right and lower end are not inside."""

    left: float
    top: float
    right: float
    bottom: float

    def touches(self, box: Box) -> bool:
        """Whether any part of the box lies inside."""
        x, y, width, height = box
        return x < self.right and x + width > self.left and y < self.bottom and y + height > self.top

    def contains(self, box: Box) -> bool:
        """Whether all of the box lies inside."""
        x, y, width, height = box
        return self.left <= x and x + width <= self.right and self.top <= y and y + height <= self.bottom


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """Corners ``(n, 2)`` of ``(x, y)`` in pixels; inside by the even-odd rule."""

    corners: npt.NDArray[np.float64]

    def touches(self, box: Box) -> bool:
        """Whether any part of the box lies inside."""
        return self._crosses(box) or self._holds_middle(box)

    def contains(self, box: Box) -> bool:
        """Whether all of the box lies inside."""
        return not self._crosses(box) and self._holds_middle(box)

    def _holds_middle(self, box: Box) -> bool:
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        start, end = self.corners, np.roll(self.corners, -1, axis=0)
        spans = (start[:, 1] > y) != (end[:, 1] > y)
        rise = np.where(spans, end[:, 1] - start[:, 1], 1.0)
        crossing = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / rise
        return bool(np.count_nonzero(spans & (crossing > x)) % 2)

    def _crosses(self, box: Box) -> bool:
        """Whether a side of the polygon runs through the inside of the box (Liang and Barsky's clipping)."""
        low, size = np.array(box[:2]), np.array(box[2:])
        start = self.corners
        step = np.roll(start, -1, axis=0) - start
        still = step == 0
        safe = np.where(still, 1.0, step)
        enter, leave = (low - start) / safe, (low + size - start) / safe
        enter, leave = np.minimum(enter, leave), np.maximum(enter, leave)
        between = (start > low) & (start < low + size)
        enter = np.where(still, np.where(between, -np.inf, np.inf), enter)
        leave = np.where(still, np.where(between, np.inf, -np.inf), leave)
        first = np.maximum(enter.max(axis=1), 0.0)
        last = np.minimum(leave.min(axis=1), 1.0)
        return bool((first < last).any())


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone in pixels of one image: one shape, or the rectangles of a border."""

    shapes: tuple[Rectangle | Polygon, ...]

    def touches(self, box: Box) -> bool:
        """Whether any part of the box lies inside."""
        return any(shape.touches(box) for shape in self.shapes)

    def contains(self, box: Box) -> bool:
        """Whether all of the box lies inside one of its shapes."""
        return any(shape.contains(box) for shape in self.shapes)
