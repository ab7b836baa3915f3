"""A strip of any length, drawn block by block into one file, and a list of what is on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from flawscope.data.synthetic.defects import KINDS, draw_defect
from flawscope.data.synthetic.noise import Generator, Plane, between, chance, grain
from flawscope.data.synthetic.scene import check_drawing
from flawscope.data.synthetic.surface import Surface, draw_surface
from flawscope.outputs import atomic

BLOCK = 512
"""Rows drawn at a time."""

_PERIOD, _FADE = 4 * BLOCK, 96
_ATTEMPTS = 6
_CAMERA_NOISE = 0.006
_LINE_CONTRAST = 0.3
_LINE_HALF_WIDTH = 1.6


def write_strip(
    file: str | Path,
    rows: int,
    width: int,
    *,
    seed: int = 0,
    surface: str = "steel",
    kinds: Sequence[str] = KINDS,
    density: float = 0.3,
    advance: Callable[[int], None] = lambda _rows: None,
) -> list[dict[str, Any]]:
    """Draw a strip into an uncompressed grey BigTIFF; memory holds a few blocks of it, whatever its length.

    A long scratch runs through the second quarter of the strip, over all borders between blocks; the other defects
    lie inside a block.

    Args:
        file: the ``.tif`` to write, whole or not at all.
        rows: its length in pixels, 1 or more.
        width: its columns.
        seed: everything random follows from it.
        surface: ``"steel"``, ``"rail"`` or ``"tile"``.
        kinds: the kinds of defect to choose from.
        density: how many blocks of :data:`BLOCK` rows have a defect of their own, as a share.
        advance: told how many rows were drawn.

    Returns:
        Of each defect ``label`` and ``box``, ``(x, y, width, height)`` in pixels of the strip.

    Raises:
        UsageError: an unknown surface or kind, or a size below 1.
        OutputError: the file cannot be written.
    """
    check_drawing(rows, width, surface, kinds, density)
    drawn: list[dict[str, Any]] = []
    with atomic(file) as made:
        tifffile.imwrite(
            made,
            _blocks(rows, width, seed, surface, tuple(kinds), density, drawn, advance),
            shape=(rows, width),
            dtype=np.uint8,
            photometric="minisblack",
            rowsperstrip=BLOCK,
            bigtiff=True,
        )
    return sorted(drawn, key=lambda defect: int(defect["box"][1]))


def _blocks(
    rows: int,
    width: int,
    seed: int,
    surface: str,
    kinds: tuple[str, ...],
    density: float,
    drawn: list[dict[str, Any]],
    advance: Callable[[int], None],
) -> Iterator[npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    ground = _endless(draw_surface(rng, _PERIOD + _FADE, width, surface))
    line = _line(rng, rows, width)
    if len(line):
        first, last = float(line.min()), float(line.max())
        box = [int(first - 1), rows // 4, int(np.ceil(last - first)) + 3, len(line)]
        drawn.append({"label": "scratch", "box": box})
    for top in range(0, rows, BLOCK):
        height = min(BLOCK, rows - top)
        light = ground.light[top % _PERIOD :][:height].copy()
        if height > BLOCK // 2 and chance(rng, density):
            light = _with_defect(rng, Surface(light, ground.angle, ground.roughness), kinds, top, drawn)
        _add_line(light, line, top - rows // 4)
        exposed = light + _CAMERA_NOISE * grain(rng, height, width)
        advance(height)
        yield np.rint(np.clip(exposed, 0, 1) * 255).astype(np.uint8)


def _endless(ground: Surface) -> Surface:
    """The surface faded into its own beginning, so that it can be repeated without an edge."""
    share = np.linspace(0, 1, _FADE, dtype=np.float32)[:, None]
    light = ground.light[:_PERIOD].copy()
    light[:_FADE] = share * light[:_FADE] + (1 - share) * ground.light[_PERIOD:]
    return Surface(light, ground.angle, ground.roughness)


def _with_defect(
    rng: Generator, surface: Surface, kinds: tuple[str, ...], top: int, drawn: list[dict[str, Any]]
) -> Plane:
    """One defect that ends before the block does."""
    kind = str(rng.choice(kinds))
    for _ in range(_ATTEMPTS):
        layer = draw_defect(rng, kind, surface)
        inside = layer.opacity > 0.5
        if not inside.any() or (layer.opacity[[0, -1]] > 0.01).any():
            continue
        columns, lines = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        box = [columns[0], top + lines[0], columns[-1] - columns[0] + 1, lines[-1] - lines[0] + 1]
        drawn.append({"label": kind, "box": [int(value) for value in box]})
        return surface.light + layer.opacity * (layer.shade - surface.light)
    return surface.light


def _line(rng: Generator, rows: int, width: int) -> npt.NDArray[np.float64]:
    """The column of the long scratch in each of its rows."""
    length = rows // 4
    along = np.arange(length) / BLOCK
    sway = width * between(rng, 0.01, 0.03)
    return width * between(rng, 0.3, 0.7) + sway * np.sin(along * between(rng, 0.5, 1.5))


def _add_line(light: Plane, line: npt.NDArray[np.float64], first: int) -> None:
    """Lay the part of the line that falls into this block over it; ``first`` is the block's first row on the line."""
    begin, end = max(0, -first), min(len(light), len(line) - first)
    if begin >= end:
        return
    columns = np.arange(light.shape[1])
    off = np.abs(columns - line[first + begin : first + end, None])
    opacity = np.clip(_LINE_HALF_WIDTH + 0.5 - off, 0, 1).astype(np.float32)
    light[begin:end] += _LINE_CONTRAST * opacity
