"""Connected regions of a mask that comes row by row.

The runs of a block of rows and the regions still open above it are the nodes of a graph, whose edges join runs of one
class that touch, corners included; its components are the regions so far. One without a run in the block's last row
can grow no more and is handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from flawscope.errors import ImageError
from flawscope.images import Image, Mask, Probability
from flawscope.runs import Runs

Ints = npt.NDArray[np.int64]

_FULL = 65535
"""Sums are of whole numbers, so that they do not depend on where the blocks end."""

_MOST_OPEN = 8_000_000
"""Runs held in open regions, 16 bytes each."""


@dataclass(frozen=True, eq=False, slots=True)
class Region:
    """A finished region.

    Attributes:
        number: its class, 1 to K.
        runs: its pixels, in the whole strip.
        score: mean probability of its class over it, 0 to 1, in steps of 1/65535 a pixel; 1 without probabilities.
        brightness: mean grey over it, 0 to 1 (white), or None without an image.
        contrast: as :class:`flawscope.inspect.measure.Measures` has it; None where it was not measured.
    """

    number: int
    runs: Runs
    score: float
    brightness: float | None
    contrast: float | None = None


@dataclass(slots=True)
class _Open:
    number: int
    probability: int
    grey: int
    area: int
    parts: list[Runs]


@dataclass(frozen=True, slots=True)
class _Found:
    """Runs in the order of rows and columns; rows count within the block."""

    rows: Ints
    starts: Ints
    ends: Ints
    numbers: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)


class RegionStream:
    """Takes a mask from top to bottom in blocks of rows of any height and hands on regions as they end.

    Args:
        width: pixels in a row.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.next_row = 0
        self._open: list[_Open] = []
        nothing = np.zeros(0, np.int64)
        self._last = _Found(nothing, nothing, nothing, np.zeros(0, np.uint8))
        self._last_owner = np.zeros(0, np.int64)
        self._with_image = False

    def add(
        self, mask: Mask, probability: Probability | None = None, image: Image | None = None
    ) -> list[Region]:
        """Regions that ended, in the order of their first pixels.

        Args:
            mask: ``(n, width)`` class numbers, 0 background.
            probability: ``(K, n, width)`` of the same rows, for the scores.
            image: ``(n, width, 3)`` of the same rows, for the brightness.

        Raises:
            ImageError: open regions grow beyond what can be held: the mask is noise.
        """
        if not len(mask):
            return []
        self._with_image = image is not None
        runs = _runs(mask)
        sums = _sums(mask, runs, probability, image)
        components = self._components(runs)
        ended = self._advance(runs, sums, components, len(mask))
        held = sum(len(part.rows) for one in self._open for part in one.parts)
        if held > _MOST_OPEN:
            raise ImageError(
                f"at row {self.next_row} unfinished regions have {held:,} runs: the mask is mostly noise",
                remedy="Raise --threshold, or look whether the weights suit the material",
            )
        return ended

    def finish(self) -> list[Region]:
        """The regions that reach the last row."""
        ended = [self._region(one) for one in self._open]
        self._open = []
        self._last, self._last_owner = _cut(self._last, np.zeros(len(self._last), bool)), self._last_owner[:0]
        return sorted(ended, key=_first_pixel)

    def _components(self, runs: _Found) -> npt.NDArray[np.int32]:
        """The component of each open region, then of each run."""
        carried = len(self._last)
        rows = np.concatenate((np.full(carried, -1, np.int64), runs.rows))
        starts = np.concatenate((self._last.starts, runs.starts))
        ends = np.concatenate((self._last.ends, runs.ends))
        numbers = np.concatenate((self._last.numbers, runs.numbers))
        nodes = np.concatenate((self._last_owner, np.arange(len(runs)) + len(self._open)))
        stride = self.width + 2
        # keys put the runs of all rows on one line, each row shifted onto the next
        low = np.searchsorted((rows + 1) * stride + ends, runs.rows * stride + runs.starts, "left")
        high = np.searchsorted((rows + 1) * stride + starts, runs.rows * stride + runs.ends, "right")
        counts = high - low
        below = np.repeat(np.arange(len(runs)), counts)
        above = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[below]
        same = numbers[above] == runs.numbers[below]
        above, below = nodes[above[same]], below[same] + len(self._open)
        size = len(self._open) + len(runs)
        graph = coo_array((np.ones(len(above), bool), (above, below)), shape=(size, size))
        found: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
        return found

    def _advance(
        self, runs: _Found, sums: Ints, components: npt.NDArray[np.int32], height: int
    ) -> list[Region]:
        old, new = components[: len(self._open)], components[len(self._open) :]
        in_last = runs.rows == height - 1
        grows = np.zeros(len(components), dtype=bool)
        grows[new[in_last]] = True
        merged: dict[int, _Open] = {}
        for component, one in zip(old.tolist(), self._open, strict=True):
            if component in merged:
                _join(merged[component], one)
            else:
                merged[component] = one
        ended: list[Region] = []
        opened: dict[int, _Open] = {}
        for component, found in _grouped(runs, sums, new, self.next_row):
            before = merged.pop(component, None)
            if grows[component]:
                found.parts = [_copied(part) for part in found.parts]
                opened[component] = found if before is None else _join(before, found)
            else:
                ended.append(self._region(found if before is None else _join(before, found)))
        ended += [self._region(one) for one in merged.values()]
        place = {component: index for index, component in enumerate(opened)}
        self._open = list(opened.values())
        self._last = _cut(runs, in_last)
        self._last_owner = np.array([place[component] for component in new[in_last].tolist()], np.int64)
        self.next_row += height
        return sorted(ended, key=_first_pixel)

    def _region(self, one: _Open) -> Region:
        runs = one.parts[0] if len(one.parts) == 1 else Runs.joined(one.parts)
        full = _FULL * one.area
        return Region(one.number, runs, one.probability / full, one.grey / full if self._with_image else None)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All that is known of the rows so far, as plain arrays."""
        held = [one.parts[0] if len(one.parts) == 1 else Runs.joined(one.parts) for one in self._open]
        whole = held or [Runs(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))]
        return {
            "next_row": np.array([self.next_row, self._with_image]),
            "last_starts": self._last.starts,
            "last_ends": self._last.ends,
            "last_numbers": self._last.numbers,
            "last_owner": self._last_owner,
            "sums": np.array(
                [(one.number, one.probability, one.grey, one.area) for one in self._open], np.int64
            ).reshape(-1, 4),
            "counts": np.array([len(runs.rows) for runs in held], np.int64),
            "rows": np.concatenate([runs.rows for runs in whole]),
            "starts": np.concatenate([runs.starts for runs in whole]),
            "ends": np.concatenate([runs.ends for runs in whole]),
        }

    @classmethod
    def restored(cls, width: int, state: Mapping[str, npt.NDArray[Any]]) -> RegionStream:
        """A stream that goes on where :meth:`state` was taken."""
        stream = cls(width)
        stream.next_row, stream._with_image = int(state["next_row"][0]), bool(state["next_row"][1])
        starts = state["last_starts"]
        stream._last = _Found(
            np.full(len(starts), -1, np.int64), starts, state["last_ends"], state["last_numbers"]
        )
        stream._last_owner = state["last_owner"]
        edges = np.cumsum(state["counts"])[:-1]
        parts = [np.split(state[name], edges) for name in ("rows", "starts", "ends")]
        stream._open = [
            _Open(number, probability, grey, area, [Runs(rows, starts, ends)])
            for (number, probability, grey, area), rows, starts, ends in zip(
                state["sums"].tolist(), *parts, strict=False
            )
        ]
        return stream


def _runs(mask: Mask) -> _Found:
    occupied = np.flatnonzero(mask.any(axis=1))
    padded = np.zeros((len(occupied), mask.shape[1] + 2), dtype=np.uint8)
    padded[:, 1:-1] = mask[occupied]
    rows, columns = np.nonzero(padded[:, :-1] != padded[:, 1:])
    begins, finishes = padded[rows, columns + 1] > 0, padded[rows, columns] > 0
    rows, starts, ends = occupied[rows[begins]], columns[begins], columns[finishes]
    return _Found(rows, starts, ends, mask[rows, starts])


def _sums(mask: Mask, runs: _Found, probability: Probability | None, image: Image | None) -> Ints:
    """``(runs, 3)``: probability and grey of each run's pixels, added up in 1/65535, and their number."""
    lengths = runs.ends - runs.starts
    sums = np.stack((lengths * _FULL, np.zeros_like(lengths), lengths), axis=1)
    if not len(runs):
        return sums
    first = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) + np.repeat(runs.rows * mask.shape[1] + runs.starts - first, lengths)
    if probability is not None:
        planes = probability.reshape(len(probability), -1)
        values = planes[np.repeat(runs.numbers.astype(np.int64) - 1, lengths), places]
        sums[:, 0] = np.add.reduceat(np.rint(values * np.float32(_FULL)).astype(np.int64), first)
    if image is not None:
        sums[:, 1] = np.add.reduceat(_grey(image.reshape(-1, 3)[places]), first)
    return sums


def _grey(pixels: Image) -> Ints:
    """Mean of the channels in 1/65535, ``(n,)``."""
    if pixels.dtype.kind == "f":
        grey: Ints = np.rint(pixels.mean(axis=1, dtype=np.float64) * _FULL).astype(np.int64)
        return grey
    scale = 257 if pixels.dtype == np.uint8 else 1
    total: Ints = pixels.sum(axis=1, dtype=np.int64) * scale // 3
    return total


def _grouped(
    runs: _Found, sums: Ints, components: npt.NDArray[np.int32], top: int
) -> Iterator[tuple[int, _Open]]:
    """Each component with runs in the block, and what it has there."""
    if not len(runs):
        return
    order = np.argsort(components, kind="stable")
    ordered = components[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    totals = np.add.reduceat(sums[order], first, axis=0).tolist()
    rows, starts, ends = (
        runs.rows[order] + top,
        runs.starts[order].astype(np.int32),
        runs.ends[order].astype(np.int32),
    )
    edges = [*first.tolist(), len(order)]
    numbers = runs.numbers[order[first]].tolist()
    for place, component in enumerate(ordered[first].tolist()):
        inside = slice(edges[place], edges[place + 1])
        part = Runs(rows[inside], starts[inside], ends[inside])
        probability, grey, area = totals[place]
        yield component, _Open(numbers[place], probability, grey, area, [part])


def _join(one: _Open, other: _Open) -> _Open:
    one.probability += other.probability
    one.grey += other.grey
    one.area += other.area
    one.parts += other.parts
    return one


def _copied(part: Runs) -> Runs:
    """A part on its own: a slice of the block's arrays would keep all of them."""
    return Runs(part.rows.copy(), part.starts.copy(), part.ends.copy())


def _cut(runs: _Found, kept: npt.NDArray[np.bool_]) -> _Found:
    return _Found(runs.rows[kept], runs.starts[kept], runs.ends[kept], runs.numbers[kept])


def _first_pixel(region: Region) -> tuple[int, int]:
    return region.runs.rows.item(0), region.runs.starts.item(0)
