"""Histogram equalisation, of the whole plane and of tiles with limited contrast (CLAHE; Zuiderveld, 1994).

Both count pixels in 256 levels, as 8-bit implementations do, but the tone curve is drawn as straight lines
between levels, so the result is a float of full precision. OpenCV's CLAHE for 16 bits is no way to that: it
counts in 65,536 levels, where its clip limit of a few pixels a level loses its meaning, and takes eight times as
long. In 8 bits it cuts the clip limit of a tile to whole pixels, which shows in tiles of a few hundred pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.enhance.limits import Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"clip_limit": Limit(0.1, 256), "tiles": Limit(1, 32, whole=True)}

_LEVELS = 256


def equalize(plane: Plane) -> Plane:
    """Spread the tones until all are equally frequent: the darkest becomes 0, the brightest 1.

    Args:
        plane: ``(h, w)`` luminance.

    Returns:
        ``(h, w)`` in 0 to 1; a plane whose pixels all fall into one level comes back as it is.
    """
    levels = np.rint(plane * np.float32(_LEVELS - 1)).astype(np.intp)
    counts = np.bincount(levels.ravel(), minlength=_LEVELS)
    lowest = counts[np.flatnonzero(counts)[0]]
    if lowest == plane.size:
        return plane.copy()
    curve = np.maximum(counts.cumsum() - lowest, 0) / (plane.size - lowest)
    return clip(_through(curve.astype(np.float32), plane))


def clahe(plane: Plane, clip_limit: float = 2.0, tiles: int = 8) -> Plane:
    """Equalise every tile for itself, with limited contrast; between tile centres curves are blended.

    Args:
        plane: ``(h, w)`` luminance.
        clip_limit: how many times the mean a level may hold, 0.1 to 256; the rest is spread over all levels. Near
            1 changes little, 256 does not limit.
        tiles: tiles along each side, 1 to 32; fewer where the plane has fewer pixels.

    Returns:
        ``(h, w)`` in 0 to 1. A constant plane of value v is not kept: it gets brighter, by at most
        (1 - v) (clip_limit + 1) / 256.

    Raises:
        UsageError: a parameter out of range.
    """
    check("clahe", LIMITS, clip_limit=clip_limit, tiles=tiles)
    height, width = plane.shape
    down, across = min(int(tiles), height), min(int(tiles), width)
    curves = _tile_curves(plane, down, across, clip_limit)
    steps = np.zeros_like(curves)
    steps[:, :-1] = np.diff(curves, axis=1)
    scaled = plane * np.float32(_LEVELS - 1)
    level = scaled.astype(np.int32)
    part = scaled - level.astype(np.float32)
    upper, lower, from_top = _between_centres(height, down)
    left, right, from_left = _between_centres(width, across)
    flat_curves, flat_steps = curves.ravel(), steps.ravel()

    def tone(row: npt.NDArray[np.int32], column: npt.NDArray[np.int32]) -> Plane:
        place = level + ((row * across)[:, None] + column) * _LEVELS
        tones: Plane = flat_curves.take(place) + flat_steps.take(place) * part
        return tones

    first = tone(upper, left)
    first += (tone(upper, right) - first) * from_left
    second = tone(lower, left)
    second += (tone(lower, right) - second) * from_left
    return clip(first + (second - first) * from_top[:, None])


def _tile_curves(plane: Plane, down: int, across: int, clip_limit: float) -> npt.NDArray[np.float32]:
    """The tone curve of each tile, ``(down * across, 256)``, tiles row by row."""
    height, width = plane.shape
    levels = np.rint(plane * np.float32(_LEVELS - 1)).astype(np.int32)
    row, column = np.arange(height) * down // height, np.arange(width) * across // width
    tile = (row * across)[:, None] + column
    counts = np.bincount((tile * _LEVELS + levels).ravel(), minlength=down * across * _LEVELS)
    shares = counts.reshape(-1, _LEVELS) / np.bincount(tile.ravel())[:, None]
    kept = np.minimum(shares, clip_limit / _LEVELS)
    kept += (1 - kept.sum(axis=1, keepdims=True)) / _LEVELS
    return kept.cumsum(axis=1).astype(np.float32)


def _between_centres(
    length: int, tiles: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """For each pixel the tiles whose centres lie before and behind it, and how far it is from the first."""
    place = (np.arange(length) + 0.5) * tiles / length - 0.5
    before = np.floor(place).astype(np.int32)
    share = (place - before).astype(np.float32)
    return np.maximum(before, 0), np.minimum(before + 1, tiles - 1), share


def _through(curve: npt.NDArray[np.float32], plane: Plane) -> Plane:
    """Tones after a curve of 256 knots."""
    knots = np.linspace(0, 1, _LEVELS, dtype=np.float32)
    return np.interp(plane, knots, curve).astype(np.float32)
