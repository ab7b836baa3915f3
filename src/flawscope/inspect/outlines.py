"""The closed outlines of a region: the cracks between its pixels and the others.

An outline is a polygon along pixel edges; 8-connected pixels share one. Its **mid-cracks** are the middles of its
unit edges, a finer picture of the true edge than pixel centres; its **corners** are the ends of the digital straight
segments that it falls into, greedily, each the digitisation of one straight line; its **sides** are those segments as
vectors, corrected so that their lengths sum to the length of the true outline.

Source: I. Debled-Rennesson, J.-P. Reveillès, "A linear algorithm for segmentation of digital curves", 1995.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.inspect.digital_lines import corner_steps
from flawscope.inspect.straight_sides import sides
from flawscope.runs import Runs

Points = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_RIGHT, _DOWN, _LEFT, _UP = range(4)
_SMOOTHED = 5
"""Neighbouring mid-cracks that are averaged, which takes out most of the stairs."""


@dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """One closed outline; the region lies to the right of its direction.

    Attributes:
        corners: ``(n, 2)`` ``float64`` ends ``(x, y)`` of its straight segments, in pixels of the image, pixel
            centres at whole numbers.
        middles: ``(2 m, 2)`` ``float64`` middles of its ``m`` unit edges, each the mean of five neighbours where
            there are at least twenty, and the points halfway between them.
        sides: ``(k, 2)`` ``float64`` vectors, whose lengths sum to that of the outline, in the unit of its scale.
    """

    corners: Points
    middles: Points
    sides: Points


def outlines(runs: Runs, scale: tuple[float, float] = (1.0, 1.0)) -> list[Outline]:
    """All outlines of a region, holes included; work and memory grow with its runs and its outline.

    Args:
        runs: the region.
        scale: width and height of a pixel, for the sides.
    """
    return [_outline(vertices, scale) for vertices in _polygons(runs)]


def _outline(vertices: Ints, scale: tuple[float, float]) -> Outline:
    edges = np.roll(vertices, -1, axis=0) - vertices
    lengths = np.abs(edges).sum(axis=1)
    steps = np.repeat(np.sign(edges), lengths, axis=0)
    starts = np.cumsum(steps, axis=0) - steps + vertices[0]
    middles = starts + steps / 2 - 0.5
    if len(middles) >= 4 * _SMOOTHED:
        reach = range(-(_SMOOTHED // 2), _SMOOTHED // 2 + 1)
        middles = sum((np.roll(middles, shift, axis=0) for shift in reach), np.zeros(1)) / _SMOOTHED
    halves = (middles + np.roll(middles, -1, axis=0)) / 2
    corners = corner_steps(steps)
    edge = np.concatenate([middles, halves])
    return Outline(starts[corners] - 0.5, edge, sides(steps, corners, scale))


def _polygons(runs: Runs) -> list[Ints]:
    """Closed polygons of pixel corners, whole numbers; the pixel ``(0, 0)`` has them from 0 to 1."""
    starts, ends, headings = _edges(runs)
    following = _following(starts, ends, headings).tolist()
    visited = bytearray(len(following))
    found = []
    for first in range(len(following)):
        cycle, edge = [], first
        while not visited[edge]:
            visited[edge] = 1
            cycle.append(edge)
            edge = following[edge]
        if cycle:
            found.append(starts[cycle])
    return found


def _edges(runs: Runs) -> tuple[Ints, Ints, Ints]:
    """Edges between the region and the rest, ``(n, 2)`` starts and ends ``(x, y)`` and their headings.

    Between two rows, edges are where exactly one of them is covered: between the first and second, the third and
    fourth, ... of the ends of runs of both.
    """
    rows, left, right = runs.rows, runs.starts.astype(np.int64), runs.ends.astype(np.int64)
    line = np.concatenate([rows, rows, rows + 1, rows + 1])
    column = np.concatenate([left, right, left, right])
    of_row_below = np.repeat([1, 0], 2 * len(rows))
    order = np.lexsort((column, line))
    line, column = line[order], column[order]
    covered_below = np.cumsum(of_row_below[order])[::2] % 2 == 1
    kept = column[::2] < column[1::2]
    y, first, last, top = line[::2][kept], column[::2][kept], column[1::2][kept], covered_below[kept]
    starts = np.stack(
        [
            np.concatenate([np.where(top, first, last), right, left]),
            np.concatenate([y, rows, rows + 1]),
        ],
        axis=1,
    )
    ends = np.stack(
        [
            np.concatenate([np.where(top, last, first), right, left]),
            np.concatenate([y, rows + 1, rows]),
        ],
        axis=1,
    )
    headings = np.concatenate(
        [np.where(top, _RIGHT, _LEFT), np.full(len(rows), _DOWN), np.full(len(rows), _UP)]
    )
    return starts, ends, headings


def _following(starts: Ints, ends: Ints, headings: Ints) -> Ints:
    """The index of the edge that follows each; where two leave one corner, the one to the left, for 8 neighbours."""
    wide = int(starts[:, 0].max()) + 1
    from_, to = starts[:, 1] * wide + starts[:, 0], ends[:, 1] * wide + ends[:, 0]
    order = np.argsort(from_, kind="stable")
    keys = from_[order]
    one = np.searchsorted(keys, to)
    two = np.minimum(one + 1, len(keys) - 1)
    to_the_left = headings[order[one]] == (headings - 1) % 4
    other = (keys[two] == to) & ~to_the_left
    following: Ints = np.where(other, order[two], order[one])
    return following
