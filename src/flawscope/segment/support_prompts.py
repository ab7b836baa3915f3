"""Points and boxes from a map of likeness."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.segment.base import Prompts

SPECK = 0.0005
"""Of the image's pixels: a smaller blob is no prompt (20 pixels at 200 x 200), unless no blob is larger."""


def prompts_from(
    similarity: npt.NDArray[np.float32], *, points: int = 3, background: int = 2, speck: float = SPECK
) -> Prompts:
    """Where a map exceeds one half.

    Blobs (8 neighbours) are ranked by the sum of their values. Each of the first ``points`` gives a point of label 1,
    the centre of the largest disc inside it, and its bounding box. Then come points of label 0, each as far as can be
    from the blobs, from the border and from those before. Where nothing exceeds one half there are neither points
    nor boxes. The mask is the map.

    Args:
        similarity: ``(h, w)`` in 0 to 1.
        points: blobs at most, 0 or more.
        background: points of label 0 at most, 0 or more; fewer where there is no room.
        speck: share of the image below which a blob counts only when all are that small.

    Returns:
        Points in order of rank, boxes of the same blobs, and the map itself as mask.
    """
    above = (similarity > 0.5).astype(np.uint8)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    if count == 1:
        return Prompts(mask=similarity)
    areas = stats[1:, cv2.CC_STAT_AREA]
    least = speck * above.size
    usable = areas >= least if (areas >= least).any() else areas == areas.max()
    mass = np.bincount(numbers.ravel(), similarity.ravel(), minlength=count)[1:]
    ranked = [int(blob) + 1 for blob in np.argsort(-mass, kind="stable") if usable[blob]][:points]
    inside = _depth(above)
    centres = [_deepest(np.where(numbers == blob, inside, 0)) for blob in ranked]
    far = _far(above, background) if ranked else []
    boxes = stats[ranked][:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return Prompts(
        np.array([*centres, *far], dtype=np.float32).reshape(-1, 2),
        np.array([1] * len(centres) + [0] * len(far), dtype=np.int64),
        boxes.astype(np.float32).reshape(-1, 4),
        similarity,
    )


def _far(above: npt.NDArray[np.uint8], count: int) -> list[tuple[int, int]]:
    free = 1 - above
    found: list[tuple[int, int]] = []
    for _ in range(count):
        depth = _depth(free)
        if depth.max() <= 1:
            break
        x, y = _deepest(depth)
        free[y, x] = 0
        found.append((x, y))
    return found


def _depth(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Distance to the nearest pixel that is 0; what lies outside the image is 0."""
    framed = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1])


def _deepest(depth: npt.NDArray[np.float32]) -> tuple[int, int]:
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column), int(row)
