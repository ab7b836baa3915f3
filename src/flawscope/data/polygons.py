"""Outlines in pixels, and the one rule that turns them into masks.

Coordinates are those of annotation tools: the corner of the image is (0, 0) and pixel ``(x, y)`` covers
``x`` to ``x + 1`` and ``y`` to ``y + 1``. **A pixel belongs to an outline when its centre lies inside**; a
centre exactly on the outline belongs to it on the left and upper side and not on the right and lower side.
So a box from (10, 10) to (20, 20) is exactly 10 x 10 pixels, and outlines that share an edge neither overlap
nor leave a gap. Inside is by the even-odd rule, which cuts holes out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""``(n, 2)`` corners ``(x, y)``."""

_SAGITTA = 0.01


def fill(rings: Sequence[Points], height: int, width: int) -> npt.NDArray[np.bool_]:
    """Pixels inside the rings, ``(height, width)``; every ring after the first cuts out or adds by parity.

    An outline too thin to hold any pixel's centre marks the pixels it passes through instead, so that no
    annotated defect vanishes.
    """
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    for ring in rings:
        _cross(ring, crossings)
    inside: npt.NDArray[np.bool_] = np.cumsum(crossings[:, :width], axis=1) % 2 == 1
    return inside if inside.any() or not rings else stroke(rings[0], height, width, closed=True)


def _cross(ring: Points, crossings: npt.NDArray[np.int32]) -> None:
    """Count, for each row, the first pixel whose centre lies right of each edge."""
    height, width = crossings.shape[0], crossings.shape[1] - 1
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        first = max(0, math.ceil(min(y0, y1) - 0.5))
        last = min(height, math.ceil(max(y0, y1) - 0.5))
        if first >= last:
            continue
        rows = np.arange(first, last)
        at = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.clip(np.ceil(at - 0.5), 0, width).astype(np.intp)
        np.add.at(crossings, (rows, columns), 1)


def stroke(points: Points, height: int, width: int, *, closed: bool = False) -> npt.NDArray[np.bool_]:
    """Pixels that a line through ``points`` passes, one pixel wide, ``(height, width)``."""
    canvas = np.zeros((height, width), dtype=bool)
    ends = np.vstack([points, points[:1]]) if closed or len(points) == 1 else points
    for start, end in pairwise(ends):
        steps = 2 + math.ceil(4 * float(np.abs(end - start).max()))
        along = start + np.linspace(0.0, 1.0, steps)[:, None] * (end - start)
        columns, rows = np.floor(along).astype(np.intp).T
        seen = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        canvas[rows[seen], columns[seen]] = True
    return canvas


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """The four corners of an upright rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """An upright ellipse about ``(x, y)``, as corners that stay within a hundredth of a pixel of it."""
    radius = max(radius_x, radius_y, 1.0)
    count = max(32, math.ceil(math.pi * math.sqrt(radius / (2 * _SAGITTA))))
    angles = np.linspace(0.0, 2 * math.pi, count, endpoint=False)
    return np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1)


def rotate(points: Points, degrees: float, about: tuple[float, float]) -> Points:
    """Turn clockwise on the screen (y downwards) about a point."""
    angle = math.radians(degrees)
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    centre = np.array(about, dtype=np.float64)
    turned: Points = (points - centre) @ matrix + centre
    return turned
