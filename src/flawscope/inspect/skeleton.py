"""The longest way through a region along its middle.

The region is thinned to lines one cell wide (Guo and Hall, 1989, by OpenCV). Of all shortest ways along these
lines between two of their points the longest is the way through the region; where lines close round a hole, the
way round may be longer still.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from flawscope.runs import Runs

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_MOST_CELLS = 2**22
_LARGEST_RADIUS = 12
"""Cells from the middle to the edge: what is wider is thinned in coarser cells. Thinning takes a pass a cell."""

_STRETCH = 1.5
"""Sides of a pixel in millimetres whose ratio is above this are cut into pieces before thinning."""

_RECENT = 4
"""Ways that parted so few steps ago enclose a pixel or two, not a hole."""


@dataclass(frozen=True, eq=False, slots=True)
class Skeleton:
    """The middle lines of a region, in units of ``scale``.

    Attributes:
        points: ``(n, 2)`` all points ``(x, y)``.
        way: ``(m,)`` indices of the points along the longest open way.
        loop: indices of the points along the longest way round a hole, empty where there is none.
        cell: largest side of a cell.
    """

    points: Points
    way: Numbers
    loop: Numbers
    cell: float


def skeleton(runs: Runs, scale: tuple[float, float]) -> Skeleton:
    """Thin a region.

    Holes of less area than the largest circle inside the region are no holes here: a disc with a pinhole is a disc.
    A region of more than four million pixels around, or more than 12 pixels from the middle to the edge, is
    thinned in cells of several pixels; a cell with any pixel of the region belongs to it.

    Args:
        runs: the region.
        scale: width and height of a pixel, such as millimetres.
    """
    left, top, width, height = runs.box
    fine = _pieces(scale)
    coarse = 1
    while -(-width * fine[0] // coarse) * -(-height * fine[1] // coarse) > _MOST_CELLS:
        coarse += 1
    cells = _cells(runs, fine, coarse)
    radius = float(cv2.distanceTransform(cells, cv2.DIST_L2, 5).max())
    if radius > _LARGEST_RADIUS:
        shrink = int(np.ceil(radius / _LARGEST_RADIUS))
        coarse, radius = coarse * shrink, radius / shrink
        cells = _cells(runs, fine, coarse)
    filled, has_holes = _without_pinholes(cells, np.pi * radius**2)
    rows, columns = np.nonzero(
        cv2.ximgproc.thinning(filled * np.uint8(255), thinningType=cv2.ximgproc.THINNING_GUOHALL)
    )
    side = np.array([coarse / fine[0], coarse / fine[1]])
    points = (np.stack([columns, rows], axis=1) - 0.5) * side + (left - 0.5, top - 0.5)
    way, loop = _ways(rows, columns, points * scale, has_holes)
    return Skeleton(points * scale, way, loop, float((side * scale).max()))


def _pieces(scale: tuple[float, float]) -> tuple[int, int]:
    """Into how many pieces a pixel is cut along x and y to be about as wide as high."""
    ratio = scale[0] / scale[1]
    if ratio > _STRETCH:
        return round(ratio), 1
    return (1, round(1 / ratio)) if ratio < 1 / _STRETCH else (1, 1)


def _cells(runs: Runs, fine: tuple[int, int], coarse: int) -> npt.NDArray[np.uint8]:
    """1 for every cell that holds part of the region, with a margin of one cell of 0 around."""
    left, top, width, height = runs.box
    starts = (runs.starts - left) * fine[0] // coarse + 1
    ends = ((runs.ends - left) * fine[0] - 1) // coarse + 2
    first = (runs.rows - top) * fine[1] // coarse + 1
    last = ((runs.rows - top + 1) * fine[1] - 1) // coarse + 1
    shape = (-(-height * fine[1] // coarse) + 2, -(-width * fine[0] // coarse) + 2)
    changes = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
    for below in range(int((last - first).max()) + 1):
        reached = first + below <= last
        np.add.at(changes, (first[reached] + below, starts[reached]), 1)
        np.add.at(changes, (first[reached] + below, ends[reached]), -1)
    return (np.cumsum(changes, axis=1)[:, :-1] > 0).astype(np.uint8)


def _without_pinholes(cells: npt.NDArray[np.uint8], area: float) -> tuple[npt.NDArray[np.uint8], bool]:
    """The cells with holes of less than ``area`` cells filled, and whether others are left."""
    _, numbered, stats, _ = cv2.connectedComponentsWithStats(1 - cells, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < area
    small[[0, numbered[0, 0]]] = False  # the region itself, and what lies around it
    filled = np.where(small[numbered], np.uint8(1), cells)
    return filled, bool((~small).sum() > 2)


def _ways(rows: Numbers, columns: Numbers, points: Points, has_holes: bool) -> tuple[Numbers, Numbers]:
    """The longest open way, and the longest round a hole."""
    numbered = np.full((rows.max() + 2, columns.max() + 3), -1, dtype=np.int32)
    numbered[rows, columns + 1] = np.arange(len(rows))
    ones, others = [], []
    for down, across in ((0, 1), (1, -1), (1, 0), (1, 1)):
        neighbour = numbered[rows + down, columns + 1 + across]
        ones.append(np.flatnonzero(neighbour >= 0))
        others.append(neighbour[neighbour >= 0])
    one, other = np.concatenate(ones), np.concatenate(others).astype(np.int64)
    lengths = np.linalg.norm(points[one] - points[other], axis=1)
    graph = coo_array((lengths, (one, other)), shape=(len(rows), len(rows))).tocsr()
    reached = _farthest(dijkstra(graph, directed=False, indices=0))
    distances, before = dijkstra(graph, directed=False, indices=reached, return_predecessors=True)
    way = _way_back(before, _farthest(distances))
    empty = np.zeros(0, dtype=np.int64)
    return way, _longest_loop(one, other, lengths, distances, before) if has_holes else empty


def _farthest(distances: Points) -> int:
    return int(np.where(np.isfinite(distances), distances, -1.0).argmax())


def _way_back(before: npt.NDArray[np.int32], end: int) -> Numbers:
    way = [end]
    while (previous := int(before[way[-1]])) >= 0:
        way.append(previous)
    return np.array(way)


def _longest_loop(
    one: Numbers, other: Numbers, lengths: Points, distances: Points, before: npt.NDArray[np.int32]
) -> Numbers:
    """The longest loop that a single step closes on the tree of shortest ways."""
    back = np.append(before, -1).astype(np.int64)
    back[back < 0] = len(before)
    closing = np.isfinite(distances[one])
    of_one, of_other = [one], [other]
    for _ in range(_RECENT):
        of_one.append(back[of_one[-1]])
        of_other.append(back[of_other[-1]])
    for ancestor in of_one:
        for of_the_other in of_other:
            closing &= ancestor != of_the_other
    way_home, parents = distances.tolist(), before.tolist()
    longest, found = 0.0, (0, 0, 0)
    for edge in np.flatnonzero(closing)[np.argsort(-(distances[one] + distances[other])[closing])]:
        a, b = int(one[edge]), int(other[edge])
        around = way_home[a] + way_home[b] + float(lengths[edge])
        if around <= longest:
            break
        while a != b:
            if way_home[a] >= way_home[b]:
                a = parents[a]
            else:
                b = parents[b]
        if around - 2 * way_home[a] > longest:
            longest, found = around - 2 * way_home[a], (int(one[edge]), int(other[edge]), int(a))
    if not longest:
        return np.zeros(0, dtype=np.int64)
    there, back_again = (_way_back(before, end).tolist() for end in found[:2])
    meeting = found[2]
    return np.array(there[: there.index(meeting) + 1] + back_again[: back_again.index(meeting)][::-1])
