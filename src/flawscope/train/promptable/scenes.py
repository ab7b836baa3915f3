"""One training scene: a surface seen at some scale, foreign texture laid on it, and everything that has an outline.

Foreign texture makes the model find outlines of things it has no name for, which is what carries over to a surface
it never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.train.promptable.materials import Picture
from flawscope.train.promptable.shapes import Bools, Generator, random_shape

Floats = npt.NDArray[np.float32]

SMALLEST = 12
"""Pixels below which a region is not asked for."""

_SHARES = {"defects": 0.53, "textures": 0.42, "background": 0.05}


@dataclass(frozen=True, slots=True)
class Scene:
    """A square picture and what can be asked for in it.

    Attributes:
        grey: ``(side, side)`` ``float32`` 0 to 1.
        regions: ``(side, side)`` masks.
        chances: how likely each is asked for; they sum to 1.
        boxable: which of them a box may ask for; the sound surface is not: its box is the whole picture, and a box
            around scattered defects, nearly as large, is to bring the defects.
        filled: ``(rows, columns)`` of the picture from the top left; the rest is padding.
    """

    grey: Floats
    regions: tuple[Bools, ...]
    chances: npt.NDArray[np.float64]
    boxable: tuple[bool, ...]
    filled: tuple[int, int]


def compose(rng: Generator, picture: Picture, others: Sequence[Picture], side: int) -> Scene:
    """A scene around ``picture``; foreign texture comes from ``others``."""
    framed = rng.random() < 0.5
    grey, labels, filled = _framed(rng, picture, side) if framed else _zoomed(rng, picture, side)
    textures: list[Bools] = []
    for _ in range(int(rng.choice(4, p=(0.3, 0.35, 0.2, 0.15)))):
        shape = random_shape(rng, side)
        if not SMALLEST <= np.count_nonzero(shape) < 0.5 * side * side:
            continue
        grey = _laid(rng, grey, shape, others)
        labels[shape] = 0
        textures = [*(texture & ~shape for texture in textures), shape]
    inside = np.zeros((side, side), bool)
    inside[: filled[0], : filled[1]] = True
    labels[~inside] = 0
    textures = [texture & inside for texture in textures]
    sound = inside & (labels == 0)
    for texture in textures:
        sound &= ~texture
    regions, chances, boxable = _askable(labels, textures, sound)
    return Scene(_relit(rng, grey), regions, chances, boxable, filled)


def _framed(
    rng: Generator, picture: Picture, side: int
) -> tuple[Floats, npt.NDArray[np.uint8], tuple[int, int]]:
    """The whole picture, or a strip of it, turned and scaled to the square as at prediction."""
    grey, mask = _turned(rng, picture.grey, picture.mask)
    if rng.random() < 0.35:
        axis, share = int(rng.integers(2)), rng.uniform(0.4, 1.0)
        length = max(8, round(grey.shape[axis] * share))
        start = int(rng.integers(grey.shape[axis] - length + 1))
        window = (slice(None),) * axis + (slice(start, start + length),)
        if mask[window].any() or not mask.any():
            grey, mask = grey[window], mask[window]
    scale = side / max(grey.shape)
    rows, columns = max(1, round(grey.shape[0] * scale)), max(1, round(grey.shape[1] * scale))
    square, labels = np.zeros((side, side), np.float32), np.zeros((side, side), np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square[:rows, :columns] = cv2.resize(grey, (columns, rows), interpolation=way).astype(np.float32) / 255
    labels[:rows, :columns] = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return square, labels, (rows, columns)


def _zoomed(
    rng: Generator, picture: Picture, side: int
) -> tuple[Floats, npt.NDArray[np.uint8], tuple[int, int]]:
    """The picture at 0.8 to 3 times its size in the square, by any angle, mostly near a defect; reflected beyond."""
    grey, mask = _turned(rng, picture.grey, picture.mask)
    height, width = grey.shape
    scale = side / max(height, width) * np.exp(rng.uniform(np.log(0.8), np.log(3.0)))
    place = rng.random(2) * (width, height)
    rows, columns = np.nonzero(mask)
    if len(rows) and rng.random() < 0.8:
        chosen = int(rng.integers(len(rows)))
        place = np.array([columns[chosen], rows[chosen]], np.float64)
    angle = rng.uniform(-np.pi / 4, np.pi / 4) if rng.random() < 0.4 else 0.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.uniform(0.2, 0.8, 2) * side - turn @ place
    matrix = np.concatenate([turn, shift[:, None]], axis=1)
    border = cv2.BORDER_REFLECT_101
    seen = cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    labels = cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_NEAREST, borderMode=border)
    return np.asarray(seen, np.float32) / np.float32(255), np.asarray(labels, np.uint8), (side, side)


def _turned(
    rng: Generator, grey: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    grey, mask = np.rot90(grey, turns), np.rot90(mask, turns)
    if mirrored:
        grey, mask = grey[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(grey), np.ascontiguousarray(mask)


def _laid(rng: Generator, grey: Floats, shape: Bools, others: Sequence[Picture]) -> Floats:
    """``grey`` with foreign texture, or its own in another tone, inside ``shape``."""
    if rng.random() < 0.55:
        other = others[int(rng.integers(len(others)))]
        texture, _, _ = _zoomed(rng, other, len(grey))
        texture = (texture - texture[shape].mean()) * np.float32(rng.uniform(0.7, 1.3))
        texture = texture + grey[shape].mean() + np.float32(rng.normal(0, 0.1))
    else:
        step = rng.uniform(0.04, 0.35) * rng.choice((-1.0, 1.0))
        texture = grey * np.float32(rng.uniform(0.6, 1.2)) + np.float32(step)
        if rng.random() < 0.5:
            texture = texture + _cloud(rng, len(grey), 32) * np.float32(rng.uniform(0.02, 0.12))
    soft = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), float(rng.uniform(0.3, 1.5)))
    return np.asarray(np.clip(grey + soft * (texture - grey), 0, 1), np.float32)


def _relit(rng: Generator, grey: Floats) -> Floats:
    if rng.random() < 0.15:
        grey = 1 - grey
    grey = grey ** np.float32(np.exp(rng.normal(0, 0.25)))
    middle = grey.mean()
    grey = (grey - middle) * np.float32(rng.uniform(0.6, 1.4)) + middle + np.float32(rng.normal(0, 0.08))
    if rng.random() < 0.3:
        grey = grey + _cloud(rng, len(grey), 3) * np.float32(rng.uniform(0.02, 0.1))
    if rng.random() < 0.2:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.4, 1.2))), np.float32)
    if rng.random() < 0.5:
        noise = rng.standard_normal(grey.shape, dtype=np.float32)
        grey = grey + noise * np.float32(rng.uniform(0, 0.03))
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def _cloud(rng: Generator, side: int, cells: int) -> Floats:
    noise = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _askable(
    labels: npt.NDArray[np.uint8], textures: Sequence[Bools], sound: Bools
) -> tuple[tuple[Bools, ...], npt.NDArray[np.float64], tuple[bool, ...]]:
    """Regions large enough to ask for, their chances (all defects at once the highest), and whether with a box."""
    groups: dict[str, list[tuple[Bools, float]]] = {
        "defects": _defects(labels),
        "textures": [(texture, 1.0) for texture in textures],
        "background": [(sound, 1.0)],
    }
    regions: list[Bools] = []
    chances: list[float] = []
    boxable: list[bool] = []
    for name, members in groups.items():
        large = [(region, weight) for region, weight in members if np.count_nonzero(region) >= SMALLEST]
        total = sum(weight for _, weight in large)
        regions += [region for region, _ in large]
        chances += [_SHARES[name] * weight / total for _, weight in large]
        boxable += [name != "background"] * len(large)
    if not regions:  # a shape that hides all but specks
        return (np.ones_like(sound),), np.ones(1), (False,)
    return tuple(regions), np.asarray(chances) / sum(chances), tuple(boxable)


def _defects(labels: npt.NDArray[np.uint8]) -> list[tuple[Bools, float]]:
    """All defects; each class where there are several; each connected piece where there are several."""
    everything = labels > 0
    found = [(everything, 0.5)]
    classes = [number for number in range(1, int(labels.max()) + 1) if (labels == number).any()]
    if len(classes) > 1:
        found += [(labels == number, 0.15 / len(classes)) for number in classes]
    count, numbered, stats, _ = cv2.connectedComponentsWithStats(everything.astype(np.uint8), connectivity=8)
    if count > 2:
        areas = stats[1:, cv2.CC_STAT_AREA]
        kept = [index for index in np.argsort(-areas)[:5] if areas[index] >= SMALLEST]
        total = sum(float(np.sqrt(areas[index])) for index in kept) or 1.0
        found += [(numbered == index + 1, 0.35 * float(np.sqrt(areas[index])) / total) for index in kept]
    return found
