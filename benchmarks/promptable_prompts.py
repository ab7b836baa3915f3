"""Prompts that follow from a true mask alone, the same for every segmenter; in pixels of the image.

- ``point``: the centre of the largest disc inside the largest connected piece (8 neighbours).
- ``three``: that, then twice the pixel of the mask farthest from those before, among the pixels at least half as deep
  as the deepest of their piece.
- ``box``: the tight box of the whole mask.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.segment.base import Prompts

KINDS = ("point", "three", "box")


def prompt(mask: npt.NDArray[np.uint8], kind: str) -> Prompts:
    """The prompt of one of the :data:`KINDS` for a mask with at least one pixel above zero."""
    if kind == "box":
        left, top, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
        return Prompts(boxes=np.array([[left, top, width, height]], np.float32))
    points = clicks(mask, 1 if kind == "point" else 3)
    return Prompts(points=points, point_labels=np.ones(len(points), np.int64))


def clicks(mask: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.float32]:
    """``(count, 2)`` of ``(x, y)``; fewer where the mask has fewer pixels that are deep enough."""
    pieces, numbers, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    numbered = np.asarray(numbers, np.int64)
    depth = cv2.distanceTransform(np.pad((mask > 0).astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    row, column = divmod(int(np.where(numbered == largest, depth, 0).argmax()), mask.shape[1])
    chosen = [(column, row)]
    deepest = np.zeros(pieces)
    np.maximum.at(deepest, numbered, depth)
    rows, columns = np.nonzero((mask > 0) & (depth >= 0.5 * deepest[numbered]))
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < count:
        x, y = chosen[-1]
        nearest = np.minimum(nearest, (columns - x) ** 2 + (rows - y) ** 2)
        farthest = int(nearest.argmax())
        if nearest[farthest] == 0:
            break
        chosen.append((int(columns[farthest]), int(rows[farthest])))
    return np.array(chosen, np.float32)
