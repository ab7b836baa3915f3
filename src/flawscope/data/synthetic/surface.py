"""Sound surfaces: strip steel, rail heads and ground magnetic tiles, as a line or area camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from flawscope.data.synthetic.noise import (
    Generator,
    Plane,
    between,
    chance,
    cloud,
    frame,
    grain,
    log_between,
    standard,
    wander,
)

SURFACES = ("steel", "rail", "tile")
"""Kinds of surface that can be drawn."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A sound surface.

    Attributes:
        light: ``(height, width)`` luminance, about 0 to 1.
        angle: direction of rolling or grinding, in radians from the x axis.
        roughness: deviation of its texture, in units of luminance.
    """

    light: Plane
    angle: float
    roughness: float


def draw_surface(rng: Generator, height: int, width: int, kind: str) -> Surface:
    """A sound surface of one of the :data:`SURFACES`."""
    return {"steel": _steel, "rail": _rail, "tile": _tile}[kind](rng, height, width)


def _steel(rng: Generator, height: int, width: int) -> Surface:
    """Rolled strip: anything between a smooth dark sheet and a coarse, overexposed pickled one."""
    upright = chance(rng, 0.5)
    coarse = chance(rng, 0.35)
    base = between(rng, 0.45, 0.9) if coarse else between(rng, 0.2, 0.62)
    light = np.full((height, width), base, dtype=np.float32)
    roughness = log_between(rng, 0.03, 0.1) if coarse else log_between(rng, 0.006, 0.025)
    light += roughness * grain(
        rng, height, width, between(rng, 0.4, 0.75) if coarse else between(rng, 0.0, 0.9)
    )
    marks = between(rng, 0.004, 0.03)
    light += marks * _streaks(rng, height, width, upright, log_between(rng, 1.5, 8), between(rng, 60, 400))
    if coarse:
        fibres = _streaks(rng, height, width, upright, 1.3, between(rng, 8, 40))
        light += roughness * between(rng, 0.3, 0.9) * fibres
        light += roughness * between(rng, 0.1, 0.5) * _twill(rng, height, width)
        light += between(rng, 0.02, 0.08) * cloud(rng, height, width, (24, 24), 4)
    if chance(rng, 0.5):
        light += between(rng, 0.01, 0.05) * _streaks(rng, height, width, upright, between(rng, 15, 60), 300)
    if chance(rng, 0.4):  # scale: thin oxide that dulls the sheet in broad, vague areas
        light -= between(rng, 0.01, 0.05) * np.clip(cloud(rng, height, width, (40, 40), 4), 0, 2)
    light *= _lamp(rng, height, width, between(rng, 0.0, 0.5), upright)
    return Surface(light, np.pi / 2 if upright else 0.0, roughness + marks)


def _rail(rng: Generator, height: int, width: int) -> Surface:
    """A rail head from above: a polished running band between dull, rusty flanks, with grinding marks across."""
    upright = chance(rng, 0.7)
    across = width if upright else height
    centre, half = between(rng, 0.3, 0.7) * across, between(rng, 0.15, 0.6) * across
    edge = np.abs(np.arange(across, dtype=np.float32) - np.float32(centre))
    edge = edge[None, :] if upright else edge[:, None]
    waver = half * (1 + 0.05 * cloud(rng, height, width, (80, 80), 2))
    band = 1 / (1 + np.exp(np.clip((edge - waver) / max(between(rng, 0.01, 0.06) * across, 0.8), -30, 30)))
    polished, rusty = between(rng, 0.45, 0.75), between(rng, 0.15, 0.4)
    roughness = log_between(rng, 0.01, 0.04)
    flank = rusty + between(rng, 0.03, 0.08) * cloud(rng, height, width, (12, 12), 4)
    flank += 2 * roughness * grain(rng, height, width, 0.6)
    head = polished + between(rng, 0.01, 0.05) * _streaks(rng, height, width, upright, 2.5, 200)
    head = head + roughness * grain(rng, height, width, 0.5)
    if chance(rng, 0.45):  # fresh grinding: arcs at a regular distance
        along, over = frame(height, width, (width / 2, height / 2), between(rng, -0.3, 0.3))
        position = (over if upright else along) + 0.0008 * (along if upright else over) ** 2
        wave = np.sin(2 * np.pi * position / between(rng, 4, 14) + cloud(rng, height, width, (30, 60), 2))
        head = head + between(rng, 0.01, 0.06) * wave.astype(np.float32)
    light = (band * head + (1 - band) * flank).astype(np.float32)
    light *= _lamp(rng, height, width, between(rng, 0.0, 0.3), upright)
    return Surface(light, np.pi / 2 if upright else 0.0, 1.5 * roughness + 0.015)


def _tile(rng: Generator, height: int, width: int) -> Surface:
    """A ground arc magnet: lines of the grinding wheel, light that falls off over the curve, sometimes its edges."""
    light = np.full((height, width), between(rng, 0.2, 0.62), np.float32)
    roughness = log_between(rng, 0.012, 0.035)
    marks = between(rng, 0.015, 0.05)
    light += marks * _streaks(rng, height, width, True, log_between(rng, 1.2, 3.5), between(rng, 80, 600))
    light += between(rng, 0.01, 0.04) * _streaks(rng, height, width, True, between(rng, 8, 30), 400)
    light += roughness * grain(rng, height, width, between(rng, 0.4, 0.8))
    light += between(rng, 0.005, 0.03) * cloud(rng, height, width, (25, 25), 4)
    if chance(rng, 0.5):  # bright single lines where the wheel bit
        lines = np.clip(_streaks(rng, height, width, True, 1.5, 300) - 2.0, 0, 2)
        light += between(rng, 0.03, 0.12) * lines
    bend = np.linspace(-1, 1, width, dtype=np.float32)[None, :] - np.float32(between(rng, -0.7, 0.7))
    light *= 1 - np.float32(between(rng, 0.0, 0.45)) * bend**2
    light *= _lamp(rng, height, width, between(rng, 0.0, 0.35), False)
    if chance(rng, 0.5):
        light = _with_edges(rng, light)
    return Surface(light, np.pi / 2, roughness + marks)


def _streaks(rng: Generator, height: int, width: int, upright: bool, across: float, along: float) -> Plane:
    """Lines of rolling or grinding: most about ``across`` pixels wide and ``along`` long, some several times as
    wide, strong in one place and faint in another."""
    total = np.zeros((height, width), dtype=np.float32)
    for widen in (1.0, 2.7, 7.0):
        thickness, length = across * widen, along * widen**0.5
        cell = (length, thickness) if upright else (thickness, length)
        total += np.float32(rng.exponential(1.0)) * cloud(rng, height, width, cell)
    uneven = 0.7 + 0.3 * cloud(rng, height, width, (along, 60) if upright else (60, along))
    return standard(total * uneven.astype(np.float32))


def _twill(rng: Generator, height: int, width: int) -> Plane:
    """The faint woven pattern that temper rolls leave, and sensors alias."""
    along, over = frame(height, width, (0, 0), between(rng, 0.3, 1.2))
    period = between(rng, 3.0, 6.0)
    woven = np.sin(2 * np.pi * along / period) + np.sin(2 * np.pi * over / (period * 1.3))
    return np.asarray(woven * (0.6 + 0.4 * cloud(rng, height, width, (20, 20))), dtype=np.float32)


def _lamp(rng: Generator, height: int, width: int, strength: float, upright: bool) -> Plane:
    """Light that falls off to one side and with the distance from a bright spot or band, ``1`` at its best."""
    angle = (0.0 if upright else np.pi / 2) + between(rng, -0.4, 0.4)
    if chance(rng, 0.2):
        angle += np.pi / 2
    centre = (between(rng, -0.2, 1.2) * width, between(rng, -0.2, 1.2) * height)
    along, over = frame(height, width, centre, angle)
    reach = max(height, width)
    fall = (along / reach) ** 2 + (over / reach) ** 2 * between(rng, 0.0, 1.0)
    return np.asarray(np.clip(1 - strength * fall * between(rng, 0.6, 2.0), 0.25, 1), dtype=np.float32)


def _with_edges(rng: Generator, light: Plane) -> Plane:
    """Cut the piece off from its dark background on some sides, with the glint of a ground edge."""
    height, width = light.shape
    size = min(height, width)
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    left_right, top_bottom = (height, 1), (1, width)  # shapes of what varies along those sides
    sides = (
        (columns, left_right, 0.6),
        (width - 1 - columns, left_right, 0.6),
        (rows, top_bottom, 0.3),
        (height - 1 - rows, top_bottom, 0.4),
    )
    inside = np.full((height, width), np.inf, dtype=np.float32)
    for distance, shape, probability in sides:
        if chance(rng, probability):
            bow = between(rng, 0.0, 0.02) * size * wander(rng, max(shape), size, 2).reshape(shape)
            margin = between(rng, 0.0, 0.06) * size
            inside = np.minimum(inside, distance - margin - bow)
    piece = np.clip(inside + 0.5, 0, 1)
    glint = np.exp(-((inside - between(rng, 2, 5)) ** 2) / between(rng, 1.5, 8)) * between(rng, 0.0, 0.2)
    background = between(rng, 0.02, 0.1)
    lit = light + np.where(np.isfinite(inside), glint, 0).astype(np.float32)
    cut = piece * lit + (1 - piece) * background
    return np.asarray(cv2.GaussianBlur(cut.astype(np.float32), (0, 0), 0.6), dtype=np.float32)
