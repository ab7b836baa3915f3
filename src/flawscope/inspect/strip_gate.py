"""A cheap look at a tile that tells empty background, so that the network need not see it.

One number describes a tile. A quadratic surface fitted to its grey values takes the light's fall away; what is left,
smoothed by 1.5 px, says how far each pixel stands out, and the number is how far the most outstanding half per cent
of the pixels does, over the median pixel. It does not depend on exposure or contrast. Background gives a narrow
range of its logarithm, which is learnt from tiles that are mostly background by median and median absolute
deviation, so that a few defects among them do not matter. A tile is empty when its number lies at most ``level``
deviations above the middle.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.images import Image, to_float
from flawscope.inspect.strip_source import RowSource
from flawscope.segment.tiled import Tiled, tile_starts

_FIT_CELL, _FIT_OUTLIER = 4, 2.5
"""The surface is fitted to means over so many pixels a side, then again without those further off than so many
deviations: a defect must not bend it."""

_SMOOTHING = 1.5
_OUTSTANDING = 99.5
_SMALLEST_STEP = 1 / 2550
"""A tenth of a grey level: below it nothing differs."""

_NARROWEST = 0.02
_FEWEST = 8
_NORMAL = 1.4826
"""Standard deviation over median absolute deviation, for normal values."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Says of a tile whether it is empty; for :class:`flawscope.segment.tiled.Tiled`.

    Attributes:
        middle: median of :func:`oddness` over background.
        spread: its robust standard deviation.
        level: deviations above the middle that are still background; the higher, the more is skipped.
    """

    middle: float
    spread: float
    level: float

    def __call__(self, tile: Image) -> bool:
        """Whether a tile ``(h, w, 3)`` is empty background."""
        return self.deviations(tile) <= self.level

    def deviations(self, tile: Image) -> float:
        """How many deviations a tile's number lies above background."""
        return (oddness(tile) - self.middle) / self.spread

    @classmethod
    def learn(cls, tiles: Iterable[Image], level: float) -> Gate:
        """From tiles that are mostly background.

        Raises:
            UsageError: fewer than 8 tiles.
        """
        numbers = np.array([oddness(tile) for tile in tiles])
        if len(numbers) < _FEWEST:
            raise UsageError(
                f"{len(numbers)} tiles are too few to learn what background is",
                remedy=f"At least {_FEWEST} are needed: give more, or inspect without skipping background",
            )
        middle = float(np.median(numbers))
        spread = _NORMAL * float(np.median(np.abs(numbers - middle)))
        return cls(round(middle, 6), round(max(spread, _NARROWEST), 6), level)


def learn_from_strip(source: RowSource, tiled: Tiled, level: float, *, places: int = 16) -> Gate:
    """A gate from the tiles at ``places`` rows spread evenly over a file.

    Raises:
        UsageError: the source cannot be read again, does not know its length, or is too short.
        ImageError: it cannot be read.
    """
    height, width = tiled.tile
    rows = _rows_to_learn_from(source, height)
    tops = np.linspace(0, rows - height, places).astype(int).tolist()
    starts = tile_starts(source.width, width, 0)
    gate = Gate.learn(
        (
            piece[:, start : start + width]
            for piece in (source.read(top, top + height) for top in tops)
            if len(piece) == height
            for start in starts
        ),
        level,
    )
    source.problem = None  # of rows further down; it is met again in its place
    return gate


def _rows_to_learn_from(source: RowSource, height: int) -> int:
    rows = source.expected_rows
    if rows is None or not source.reads_again:
        raise UsageError(
            "background cannot be learnt from rows of unknown length that come only once",
            where=source.name,
            remedy="Give a file, or inspect without skipping background",
        )
    if rows < height:
        raise UsageError(
            f"background cannot be learnt from a strip of {rows} rows, shorter than a tile of {height}",
            where=source.name,
            remedy="Inspect it without skipping background",
        )
    return rows


class CountedGate:
    """A gate that counts the tiles which it was asked about and those which it found empty.

    A run that goes on sees the last row of tiles again, so :meth:`to_json` can leave it out.

    Args:
        gate: asked.
        tiles_a_row: tiles beside each other.
        before: what :meth:`to_json` said of an earlier run.
    """

    def __init__(self, gate: Gate, tiles_a_row: int, before: Mapping[str, Any]) -> None:
        self.gate = gate
        self._tiles, self._skipped = before.get("tiles", 0), before.get("skipped", 0)
        self._last: deque[bool] = deque(maxlen=tiles_a_row)

    def __call__(self, tile: Image) -> bool:
        """Whether a tile ``(h, w, 3)`` is empty background."""
        empty = self.gate(tile)
        self._tiles += 1
        self._skipped += empty
        self._last.append(empty)
        return empty

    def to_json(self, *, without_last_row: bool = False) -> dict[str, Any]:
        """The gate, and ``tiles`` and ``skipped`` of them, as plain values."""
        left_out = list(self._last) if without_last_row else []
        return {
            **asdict(self.gate),
            "tiles": self._tiles - len(left_out),
            "skipped": self._skipped - sum(left_out),
        }


def check_background(source: RowSource, tiled: Tiled, level: float) -> None:
    """Raise UsageError where :func:`behind_gate` cannot do what is asked, before any work."""
    if not math.isfinite(level):
        raise UsageError(
            f"{level} is no level",
            where="--skip-background",
            remedy="Give a number such as -1; docs/strips.md",
        )
    if tiled.is_empty is not None:
        raise UsageError(
            "its tiles have a gate already", where=source.name, remedy="Give is_empty or skip_background"
        )
    _rows_to_learn_from(source, tiled.tile[0])


def behind_gate(
    tiled: Tiled, source: RowSource, level: float, before: Mapping[str, Any]
) -> tuple[Tiled, CountedGate]:
    """The same tiles behind a gate for a strip: that of an earlier run, or learnt from the strip.

    Args:
        tiled: without a gate of its own.
        source: the strip.
        level: of the gate.
        before: what :meth:`CountedGate.to_json` said of the earlier run; empty at the beginning.

    Raises:
        UsageError: too few tiles can be read.
        ImageError: the strip cannot be read.
    """
    gate = (
        Gate(before["middle"], before["spread"], level) if before else learn_from_strip(source, tiled, level)
    )
    counted = CountedGate(gate, len(tile_starts(source.width, tiled.tile[1], tiled.overlap)), before)
    return Tiled(tiled.segmenter, tiled.tile, tiled.overlap, batch=tiled.batch, is_empty=counted), counted


def oddness(tile: Image) -> float:
    """The logarithm of a tile's number."""
    grey = to_float(np.ascontiguousarray(tile)).mean(axis=2)
    height, width = grey.shape
    cells = (max(1, height // _FIT_CELL), max(1, width // _FIT_CELL))
    means = cv2.resize(grey, cells[::-1], interpolation=cv2.INTER_AREA).ravel()
    terms = _quadratic(*cells)
    fitted = np.linalg.lstsq(terms, means, rcond=None)[0]
    off = np.abs(means - terms @ fitted)
    close = off <= _FIT_OUTLIER * _NORMAL * np.median(off) + _SMALLEST_STEP
    fitted = np.linalg.lstsq(terms[close], means[close], rcond=None)[0]
    light = (_quadratic(height, width) @ fitted).reshape(height, width)
    rest = cv2.GaussianBlur(grey, (0, 0), _SMOOTHING) - light
    away = np.abs(rest - np.median(rest))
    typical, outstanding = np.percentile(away, (50, _OUTSTANDING))
    return float(np.log((outstanding + _SMALLEST_STEP) / (typical + _SMALLEST_STEP)))


@functools.lru_cache(maxsize=8)
def _quadratic(height: int, width: int) -> npt.NDArray[np.float32]:
    """1, x, y, x^2, xy, y^2 at the centres of ``height`` x ``width`` cells, -1 to 1 over the tile."""
    y, x = ((2 * np.arange(side, dtype=np.float32) + 1) / side - 1 for side in (height, width))
    rows, columns = y[:, None], x[None, :]
    terms = (np.ones(1), columns, rows, columns**2, rows * columns, rows**2)
    planes = [np.broadcast_to(term, (height, width)).ravel() for term in terms]
    return np.stack(planes, axis=1).astype(np.float32)
