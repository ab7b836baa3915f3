"""A region as runs along its rows: small in memory however large the image around it.

A run is ``(row, start, end)``: the pixels ``start`` to ``end - 1`` of a row. Sixteen bytes hold one, so that a
scratch a hundred thousand rows long takes less than two megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Runs:
    """The pixels of one region, in pixels of the whole image.

    Attributes:
        rows: ``(n,)`` ``int64``, not falling.
        starts: ``(n,)`` ``int32`` first column of each run; in one row, runs neither touch nor overlap.
        ends: ``(n,)`` ``int32`` the column after its last one.
    """

    rows: Ints
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]

    @classmethod
    def of_mask(cls, mask: npt.NDArray[Any], *, left: int = 0, top: int = 0) -> Runs:
        """The non-zero pixels of ``mask`` ``(h, w)``, whose first pixel is column ``left`` of row ``top``."""
        padded = np.zeros((mask.shape[0], mask.shape[1] + 2), dtype=np.int8)
        padded[:, 1:-1] = mask != 0
        steps = np.diff(padded, axis=1)
        rows, starts = np.nonzero(steps == 1)
        ends = np.nonzero(steps == -1)[1]
        return cls(
            rows.astype(np.int64) + top,
            (starts + left).astype(np.int32),
            (ends + left).astype(np.int32),
        )

    @classmethod
    def joined(cls, parts: list[Runs]) -> Runs:
        """The runs of parts of one region that share no pixel, sorted; runs that touch in a row become one."""
        rows = np.concatenate([part.rows for part in parts])
        starts = np.concatenate([part.starts for part in parts])
        ends = np.concatenate([part.ends for part in parts])
        order = np.lexsort((starts, rows))
        rows, starts, ends = rows[order], starts[order], ends[order]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = (rows[1:] != rows[:-1]) | (starts[1:] != ends[:-1])
        last = np.append(first[1:], True)
        return cls(rows[first], starts[first], ends[last])

    @property
    def area(self) -> int:
        """Pixels."""
        return int((self.ends - self.starts).sum(dtype=np.int64))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``(x, y, width, height)``; there must be a run."""
        left, top = int(self.starts.min()), int(self.rows[0])
        return left, top, int(self.ends.max()) - left, int(self.rows[-1]) - top + 1

    @property
    def centroid(self) -> tuple[float, float]:
        """``(x, y)`` at pixel centres."""
        lengths = (self.ends - self.starts).astype(np.int64)
        middles = (self.starts.astype(np.int64) + self.ends - 1) / 2
        area = lengths.sum()
        return float((lengths * middles).sum() / area), float((lengths * self.rows).sum() / area)

    def mask(self) -> npt.NDArray[np.bool_]:
        """The region within its box, ``(box height, box width)``."""
        left, top, width, height = self.box
        steps = np.zeros((height, width + 1), dtype=np.int8)
        steps[self.rows - top, self.starts - left] = 1
        steps[self.rows - top, self.ends - left] = -1
        return np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1] > 0

    def moved(self, right: int, down: int) -> Runs:
        """The same region elsewhere."""
        return Runs(self.rows + down, self.starts + np.int32(right), self.ends + np.int32(right))
