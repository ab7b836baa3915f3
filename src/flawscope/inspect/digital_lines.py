"""Straight segments of a closed digital curve.

A digital straight segment is a piece of the curve whose points lie in ``mu <= a u - b v < mu + a + b`` for some
whole ``a``, ``b`` and ``mu``: the pixel edges nearest to one straight line. Source: I. Debled-Rennesson,
J.-P. Reveillès, "A linear algorithm for segmentation of digital curves", 1995.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_SHARP = np.cos(np.radians(60.0))
"""Cosine of the turn from which a corner is moved to where it sticks out furthest."""

FEW_STEPS = 16
"""Up to here straight segments mean little, and corners are those of the convex hull."""

_REACH = 2
"""Steps that a sharp corner may be moved: a segment takes the first step round the corner along."""

_BACK = np.cos(np.radians(160.0))
"""Cosine of the turn from which a corner is the end of a strip, whose width both its edges took along."""


def corner_steps(steps: Ints) -> Ints:
    """Where straight segments end on a closed curve of unit steps.

    Args:
        steps: ``(n, 2)``, each one step along x or along y, back to the start in the end.

    Returns:
        Indices of the steps that begin at a corner, in order along the curve.
    """
    corners = _segment_ends(steps)
    if len(steps) <= FEW_STEPS or len(corners) < 3:
        points = (np.cumsum(steps, axis=0) - steps).astype(np.int32)
        return np.sort(cv2.convexHull(points, returnPoints=False)[:, 0]).astype(np.int64)
    return _with_strip_ends(steps, _sharpened(steps, corners))


def _segment_ends(steps: Ints) -> Ints:
    """Where the longest straight segments end, each beginning where the one before ended."""
    across, down = steps[:, 0].tolist(), steps[:, 1].tolist()
    first = end = _segment_end(across, down, 0, len(steps))
    corners = []
    while end < first + len(steps):
        corners.append(end)
        end = _segment_end(across, down, end, first + len(steps))
    return np.array(corners) % len(steps)


def _segment_end(across: list[int], down: list[int], start: int, limit: int) -> int:
    """The step after the longest straight segment from ``start``, at most ``limit``; steps repeat cyclically."""
    size = len(across)
    u_step = across[start % size], down[start % size]
    step = start + 1
    while step < limit and (across[step % size], down[step % size]) == u_step:
        step += 1
    if step >= limit:
        return limit
    v_step = across[step % size], down[step % size]
    if v_step == (-u_step[0], -u_step[1]):
        return step
    u, v = step - start, 1
    a, b, mu = 1, u, 0
    upper_first, upper_last, lower_first, lower_last = (0, 0), (u, 1), (u, 0), (u, 0)
    for index in range(step + 1, limit):
        taken = across[index % size], down[index % size]
        if taken == u_step:
            u += 1
        elif taken == v_step:
            v += 1
        else:
            return index
        rest = a * u - b * v - mu
        if rest < -1 or rest > a + b:
            return index
        if rest <= 0:
            upper_last = u, v
        if rest >= a + b - 1:
            lower_last = u, v
        if rest == -1:
            lower_first = lower_last
            a, b = v - upper_first[1], u - upper_first[0]
            mu = a * u - b * v
        elif rest == a + b:
            upper_first = upper_last
            a, b = v - lower_first[1], u - lower_first[0]
            mu = a * u - b * v - a - b + 1
    return limit


def _sharpened(steps: Ints, corners: Ints) -> Ints:
    """Corners of sharp turns moved along the curve to where the way over them is longest."""
    points = np.cumsum(steps, axis=0) - steps
    before, after = points[np.roll(corners, 1)], points[np.roll(corners, -1)]
    sharp = np.flatnonzero(_cosines(points, corners) < _SHARP)
    near = (corners[sharp, None] + np.arange(-_REACH, _REACH + 1)) % len(steps)
    ways = np.linalg.norm(points[near] - before[sharp, None], axis=2) + np.linalg.norm(
        after[sharp, None] - points[near], axis=2
    )
    moved = corners.copy()
    moved[sharp] = near[np.arange(len(sharp)), ways.argmax(axis=1)]
    return moved


def _with_strip_ends(steps: Ints, corners: Ints) -> Ints:
    """Corners where the curve turns back parted in two, to where the way over both is longest."""
    points = np.cumsum(steps, axis=0) - steps
    found = corners.tolist()
    for place in np.flatnonzero(_cosines(points, corners) < _BACK):
        before, after = points[corners[place - 1]], points[corners[(place + 1) % len(corners)]]
        near = (corners[place] + np.arange(-_REACH, _REACH + 1)) % len(steps)
        there, back = (np.linalg.norm(points[near] - end, axis=1) for end in (before, after))
        across = np.linalg.norm(points[near][:, None] - points[near], axis=2)
        ways = np.triu(there[:, None] + across + back)
        first, last = np.unravel_index(ways.argmax(), ways.shape)
        found[place] = int(near[first])
        found.append(int(near[last]))
    return np.unique(np.array(found, dtype=np.int64))


def _cosines(points: Ints, corners: Ints) -> npt.NDArray[np.float64]:
    """Of the turn at each corner."""
    here = points[corners]
    way_in, way_out = here - np.roll(here, 1, axis=0), np.roll(here, -1, axis=0) - here
    lengths = np.linalg.norm(way_in, axis=1) * np.linalg.norm(way_out, axis=1)
    cosines: npt.NDArray[np.float64] = (way_in * way_out).sum(axis=1) / np.maximum(lengths, 1e-9)
    return cosines
