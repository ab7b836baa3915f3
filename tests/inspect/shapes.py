"""Shapes of known size, drawn by supersampling: a pixel belongs where at least half of it is covered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Inside = Callable[[Any, Any], Any]

_FINE = 8


def drawn(inside: Inside, side: int, scale: tuple[float, float] = (1.0, 1.0)) -> Mask:
    """A square field of ``side`` units in pixels of ``scale`` units."""
    height, width = round(side / scale[1]), round(side / scale[0])
    y, x = np.mgrid[: height * _FINE, : width * _FINE]
    x, y = ((axis + 0.5) / _FINE * unit - unit / 2 for axis, unit in zip((x, y), scale, strict=True))
    covered = inside(x, y).reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    mask: Mask = covered >= 0.5
    return mask


def bar(length: float, width: float, degrees: float, x: float, y: float) -> Inside:
    """A bar around ``(x, y)``, counter-clockwise from the x axis as one looks at the image."""
    turn = np.radians(degrees)

    def inside(px: Any, py: Any) -> Any:
        along = (px - x) * np.cos(turn) - (py - y) * np.sin(turn)
        across = (px - x) * np.sin(turn) + (py - y) * np.cos(turn)
        return (abs(along) <= length / 2) & (abs(across) <= width / 2)

    return inside


def arc(radius: float, width: float, degrees: tuple[float, float], x: float, y: float) -> Inside:
    """A piece of a ring between two directions; 0 to 360 is the ring."""

    def inside(px: Any, py: Any) -> Any:
        direction = np.degrees(np.arctan2(py - y, px - x)) % 360
        between = (direction >= degrees[0]) & (direction <= degrees[1])
        return (abs(np.hypot(px - x, py - y) - radius) <= width / 2) & between

    return inside
