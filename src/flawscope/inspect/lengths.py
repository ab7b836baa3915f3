"""Length along the middle, and the largest circle inside: what the skeleton and the outlines of a region say."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter
from scipy.spatial import cKDTree

from flawscope.inspect.outlines import outlines
from flawscope.inspect.skeleton import skeleton
from flawscope.runs import Runs

Points = npt.NDArray[np.float64]

_BLUNT = 0.35
"""Where the distance to the edge grows faster than this along the way from a tip, the skeleton runs into a corner."""

_THIN = 2.0
"""Cells from the middle to the edge below which no skeleton runs into corners."""

_MOST_BEND = 0.5
"""Radians that a way may bend from its last points to the edge."""

_FEWEST = 5
"""Points on a way with a direction."""

_CANDIDATES, _GRID = 4, 9
"""Points of the skeleton around which the largest circle is looked for, and the points a side of each search."""


class Shape:
    """A region as its outlines and its skeleton, in one unit of length.

    Args:
        runs: the region.
        scale: width and height of a pixel in that unit.
    """

    def __init__(self, runs: Runs, scale: tuple[float, float] = (1.0, 1.0)) -> None:
        found = outlines(runs, scale)
        self.runs = runs
        self.scale = np.array(scale)
        self.corners = [outline.corners * self.scale for outline in found]
        self.sides = np.concatenate([outline.sides for outline in found])
        self.edge = cKDTree(np.concatenate([outline.middles for outline in found]) * self.scale)
        self.skeleton = skeleton(runs, scale)

    def perimeter(self) -> float:
        """Length of all outlines, those of holes included."""
        return float(np.linalg.norm(self.sides, axis=1).sum())

    def largest_radius(self) -> float:
        """Radius of the largest circle inside, its centre anywhere."""
        points, reach = self.skeleton.points, self.skeleton.cell
        centres = points[np.argsort(-self._depths(points), kind="stable")[:_CANDIDATES]]
        radius = 0.0
        for _ in range(2):
            steps = np.linspace(-reach, reach, _GRID)
            grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
            tried = (centres[:, None] + grid).reshape(-1, 2)
            depths = self._depths(tried)
            best = int(depths.argmax())
            radius, centres, reach = float(depths[best]), tried[best : best + 1], reach / (_GRID - 1) * 2
        return radius

    def length(self) -> float:
        """The longest way: from end to end, once round a hole, or the longer side of a compact region."""
        loop = self.skeleton.points[self.skeleton.loop]
        around = 0.0
        if len(loop) >= _FEWEST:
            middle = self._middle(loop, "wrap")
            around = float(_steps(np.append(middle, middle[:1], axis=0)).sum())
        return max(around, self._end_to_end())

    def _end_to_end(self) -> float:
        way = self.skeleton.points[self.skeleton.way]
        depths = self._depths(way)
        walked = np.append(0.0, np.cumsum(_steps(way)))
        first, last = self._end(walked, depths), self._end(walked[-1] - walked[::-1], depths[::-1])
        kept = way[first : len(way) - last]
        if len(kept) < _FEWEST or walked[len(way) - 1 - last] - walked[first] < float(depths.max()):
            return self._longer_side()
        middle = self._middle(kept, "interp")
        back = min(max(2, self._window(kept) // 4), (len(middle) - 1) // 2)
        beyond = sum(self._beyond(*end[: 2 * back + 1 : back]) for end in (middle, middle[::-1]))
        return float(_steps(middle).sum()) + beyond

    def _end(self, walked: Points, depths: Points) -> int:
        """How many points at the start of a way run into a corner of the region."""
        if depths.max() < _THIN * self.skeleton.cell:
            return 0
        ahead = 2 * self.skeleton.cell + depths.max() / 4
        later = np.minimum(np.searchsorted(walked, walked + ahead), len(walked) - 1)
        rising = depths[later] - depths > _BLUNT * (walked[later] - walked)
        level = np.flatnonzero(~rising)
        return int(np.searchsorted(walked, walked[level[0]] + ahead / 2))

    def _middle(self, way: Points, mode: Literal["interp", "wrap"]) -> Points:
        """The way smoothed, and moved to where both edges are equally far."""
        window = min(self._window(way), len(way) - 1 + len(way) % 2)
        smooth: Points = savgol_filter(way, window, 2, axis=0, mode=mode)
        forward = np.gradient(smooth, axis=0)
        sideways = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
        sideways *= self.skeleton.cell / np.maximum(np.linalg.norm(forward, axis=1), 1e-12)[:, None]
        off = (self._depths(smooth + sideways) - self._depths(smooth - sideways)) / (2 * self.skeleton.cell)
        centred: Points = savgol_filter(smooth + off[:, None] * sideways, window, 2, axis=0, mode=mode)
        return centred

    def _window(self, way: Points) -> int:
        """Points over which a way is smoothed: about as far as the region is wide there, and an odd number."""
        wide = 2 * max(0.0, float(np.median(self._depths(way)))) / self.skeleton.cell
        return 2 * round(wide / 2 + 3) + 1

    def _beyond(self, point: Points, inner: Points, innermost: Points) -> float:
        """From ``point`` on, as the way through the points bends, to an outline; at least half a cell."""
        last, before = complex(*(point - inner)), complex(*(inner - innermost))
        bend = np.angle(last / before) / 2 * (1 + self._depths(point[None])[0] / abs(last))
        turned = last / abs(last) * np.exp(1j * np.clip(bend, -_MOST_BEND, _MOST_BEND))
        heading = np.array([turned.real, turned.imag])
        starts = np.concatenate(self.corners) - point
        sides = np.concatenate([np.roll(corners, -1, axis=0) - corners for corners in self.corners])
        across = heading[0] * sides[:, 1] - heading[1] * sides[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (starts[:, 0] * sides[:, 1] - starts[:, 1] * sides[:, 0]) / across
            along = (starts[:, 0] * heading[1] - starts[:, 1] * heading[0]) / across
        far = far[(far >= 0) & (along >= 0) & (along <= 1)]
        return max(float(far.min()) if far.size else 0.0, self.skeleton.cell / 2)

    def _longer_side(self) -> float:
        """The longer side of the smallest rectangle around the region."""
        _, sides, _ = cv2.minAreaRect(np.concatenate(self.corners).astype(np.float32))
        return float(max(sides))

    def _depths(self, points: Points) -> Points:
        """Distances to the nearest edge, negative outside the region."""
        columns, rows = np.rint(points / self.scale).astype(np.int64).T
        wide = int(self.runs.ends.max()) + 2
        keys = self.runs.rows * wide + self.runs.starts
        run = np.searchsorted(keys, rows * wide + np.clip(columns, 0, wide - 1), side="right") - 1
        inside = (run >= 0) & (self.runs.rows[run] == rows) & (columns < self.runs.ends[run])
        inside &= columns >= self.runs.starts[run]
        distances: Points = self.edge.query(points)[0]
        return np.where(inside, distances, -distances)


def _steps(points: Points) -> Points:
    lengths: Points = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return lengths
