"""Prompts sampled for a region: clicks on it and beside it, boxes around it, and rough masks of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.train.promptable.shapes import Bools, Generator

Floats = npt.NDArray[np.float32]

PADDING, BESIDE, ON, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3
"""What a token says of its place; SAM ends a list of points without a box with one token of padding."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One prompt as SAM's prompt encoder reads it.

    Attributes:
        places: ``(t, 2)`` of ``(x, y)`` in pixels of the square.
        kinds: ``(t,)`` of the constants above.
    """

    places: Floats
    kinds: npt.NDArray[np.int64]


def sample_tokens(
    rng: Generator,
    region: Bools,
    count: int,
    filled: tuple[int, int] | None = None,
    *,
    boxable: bool = True,
) -> Tokens:
    """A prompt of ``count`` tokens, 2 or more: with even chances clicks alone, or a box after clicks.

    The first click lies on the region. Later ones lie on it or, as often, beside it, where there is a beside.

    Args:
        rng: everything random comes from it.
        region: ``(side, side)`` with at least one pixel.
        count: tokens.
        filled: ``(rows, columns)`` of the square that show the image; nobody clicks beyond.
        boxable: False for clicks alone.
    """
    rows, columns = region.shape if filled is None else filled
    outside = ~region
    outside[rows:], outside[:, columns:] = False, False
    with_box = boxable and rng.random() < 0.5
    clicks = count - 2 if with_box else count - 1
    places = np.zeros((count, 2), np.float32)
    kinds = np.full(count, PADDING, np.int64)
    for index in range(clicks):
        beside = index > 0 and rng.random() < 0.5 and outside.any()
        places[index] = click_beside(rng, region, outside) if beside else click_on(rng, region)
        kinds[index] = BESIDE if beside else ON
    if with_box:
        places[clicks:] = sample_box(rng, region).reshape(2, 2)
        kinds[clicks:] = TOP_LEFT, BOTTOM_RIGHT
    return Tokens(places, kinds)


def click_on(rng: Generator, region: Bools) -> Floats:
    """``(x, y)`` in the region; half the time anywhere, half the time where it is nearly thickest."""
    if rng.random() < 0.5:
        depth = inner_distance(region)
        return _one_of(rng, depth >= rng.uniform(0.6, 1.0) * depth.max())
    return _one_of(rng, region)


def click_beside(rng: Generator, region: Bools, outside: Bools) -> Floats:
    """``(x, y)`` in ``outside``; half the time anywhere, half the time at most a twentieth of the side away."""
    if rng.random() < 0.5:
        reach = 2 * max(2, len(region) // 20) + 1
        near = cv2.dilate(region.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        if (near & outside).any():
            return _one_of(rng, near & outside)
    return _one_of(rng, outside)


def sample_box(rng: Generator, region: Bools) -> Floats:
    """``(left, top, right, bottom)``; half the time tight, half the time off by about a twentieth of its sides."""
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    box = np.array([left, top, left + width, top + height], np.float32)
    if rng.random() < 0.5:
        spread = np.clip(0.05 * np.array([width, height, width, height]), 1.0, 0.05 * len(region))
        box = box + rng.normal(0, spread).astype(np.float32)
    return np.asarray(np.clip(box, 0, len(region)), np.float32)


def rough_mask(rng: Generator, region: Bools) -> Floats:
    """Log-odds ``(side / 2, side / 2)`` of a bad mask of the region: grown or shrunk, shifted, partly missing.

    Between -6.9 and 6.9, as ``flawscope.segment`` writes mask prompts.
    """
    rough = region.astype(np.float32)
    reach = int(rng.integers(1, 8))
    change = cv2.dilate if rng.random() < 0.6 or region.sum() < 400 else cv2.erode
    rough = np.asarray(change(rough, np.ones((reach, reach), np.uint8)), np.float32)
    if rng.random() < 0.5:
        rough = np.roll(rough, tuple(int(step) for step in rng.integers(-6, 7, 2)), axis=(0, 1))
    if rng.random() < 0.5:
        row, column = (int(place) for place in rng.integers(0, len(region), 2))
        size = len(region) // 4
        rough[row : row + size, column : column + size] = rng.integers(2)
    half = cv2.resize(rough, (len(region) // 2, len(region) // 2), interpolation=cv2.INTER_AREA)
    sure = np.clip(half, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(sure / (1 - sure)), np.float32)


def inner_distance(region: Bools) -> Floats:
    """Distance in pixels of each pixel of the region to the nearest one outside it; the frame counts as outside."""
    framed = np.pad(region.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _one_of(rng: Generator, where: Bools) -> Floats:
    chosen = np.flatnonzero(where)
    row, column = divmod(int(chosen[rng.integers(len(chosen))]), where.shape[1])
    return np.array([column, row], np.float32)
