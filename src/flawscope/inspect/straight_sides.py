"""The sides of a closed digital curve as vectors, whose lengths sum to the length of the true outline.

Every digital straight segment gets the line of least squares through the middles of its unit steps, and counts as far
as it reaches along that line, so that stairs add nothing. Two lines that turn sharply meet near where they cross: the
corner pixel of a region says little about where its corner is, the two edges say much. Lines of a gentle curve do not
reach their crossing, which lies outside of the curve. Segments are cut greedily, so where they end depends on where
and which way one starts; both ways round count half.

Where pixels are oblong, segments are cut among the pixels, but lines, turns and crossings are those of the stretched
curve: a right angle of the surface can turn by 28 degrees among pixels of 1 x 4.

Sources: D. Coeurjolly, R. Klette, "A comparative evaluation of length estimators of digital curves", 2004, for steps
that count along the tangent; P. Selinger, "Potrace: a polygon-based tracing algorithm", 2003, for corners moved to
where fitted lines cross.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.inspect.digital_lines import FEW_STEPS, corner_steps

Points = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GENTLE, _SHARP = 45.0, 90.0
"""Degrees of turn up to which a corner stays where it is, and from which it goes to the crossing."""

_FURTHEST = 1.0
"""Pixels, as wide and high as they are, that a corner may be moved."""

_HOLD = 0.02
"""Weight of a corner's own place against the two lines, which settles it where they are nearly parallel."""


def sides(steps: Ints, corners: Ints, scale: tuple[float, float] = (1.0, 1.0)) -> Points:
    """The sides of a closed curve of unit steps.

    Args:
        steps: ``(n, 2)``, each one step along x or along y, back to the start in the end.
        corners: ``corner_steps(steps)``.
        scale: length of a step along x, and of one along y.

    Returns:
        ``(m, 2)`` ``float64`` vectors in the unit of ``scale``, whose lengths sum to that of the curve.
    """
    back = -steps[::-1]
    pixel = np.array(scale, dtype=np.float64)
    both = [_one_way(steps, corners, pixel), _one_way(back, corner_steps(back), pixel)]
    return np.concatenate(both) / 2


def _one_way(steps: Ints, ends: Ints, pixel: Points) -> Points:
    """The sides, going one way round."""
    ends = np.unique(ends)
    steps = np.roll(steps, -ends[0], axis=0)
    points = (np.cumsum(steps, axis=0) - steps) * pixel
    firsts = ends - ends[0]
    corners = points[firsts]
    chords: Points = np.roll(corners, -1, axis=0) - corners
    if len(steps) <= FEW_STEPS or len(firsts) < 3:
        return chords
    middles, along = _lines(points + steps * pixel / 2, firsts, chords)
    moved = corners + _shifts(corners, middles, along, pixel)
    ways = np.roll(moved, -1, axis=0) - moved
    counted: Points = (ways * along).sum(axis=1)[:, None] * along
    return counted


def _lines(points: Points, firsts: Ints, chords: Points) -> tuple[Points, Points]:
    """Middles and unit directions of the lines through the points of each segment, pointing as its chord does."""
    counts = np.diff(np.append(firsts, len(points)))
    middles = np.add.reduceat(points, firsts, axis=0) / counts[:, None]
    off = points - np.repeat(middles, counts, axis=0)
    longer = np.add.reduceat(off[:, 0] ** 2 - off[:, 1] ** 2, firsts)
    skewed = 2 * np.add.reduceat(off[:, 0] * off[:, 1], firsts)
    turn = np.arctan2(skewed, longer) / 2
    along = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    single = counts == 1
    along[single] = chords[single]
    along *= np.where((along * chords).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    return middles, along / np.linalg.norm(along, axis=1)[:, None]


def _shifts(corners: Points, middles: Points, along: Points, pixel: Points) -> Points:
    """How far each corner goes to the crossing of the lines before and after it."""
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    squares = normals[:, :, None] * normals[:, None, :]
    before, middles_before = np.roll(squares, 1, axis=0), np.roll(middles, 1, axis=0)
    pull = np.einsum("nij,nj->ni", squares, middles - corners)
    pull += np.einsum("nij,nj->ni", before, middles_before - corners)
    shifts: Points = np.linalg.solve(squares + before + _HOLD * np.eye(2), pull[:, :, None])[:, :, 0]
    far = np.linalg.norm(shifts / pixel, axis=1)
    cosines = (along * np.roll(along, 1, axis=0)).sum(axis=1)
    turns = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    share = np.clip((turns - _GENTLE) / (_SHARP - _GENTLE), 0.0, 1.0)
    share *= np.minimum(1.0, _FURTHEST / np.maximum(far, 1e-9))
    shifts *= share[:, None]
    return shifts
