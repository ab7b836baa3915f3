"""Defects, each as an opacity and a shade laid over the surface.

The opacity is 0 to 1 with borders about as soft as a lens makes them; the mask is where it exceeds half, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
    wander,
)
from flawscope.data.synthetic.surface import Surface

KINDS = ("scratch", "pit", "patch", "inclusion", "crack", "blowhole")
"""Kinds of defect that can be drawn; a mask's class numbers follow the order in which kinds are asked for."""

_THINNEST = 0.7  # half width in pixels: below it a line could leave no pixel above half opacity
_FAINTEST = 0.06  # contrast in luminance


@dataclass(frozen=True, slots=True)
class Layer:
    """A defect to be laid over a surface.

    Attributes:
        opacity: ``(height, width)``, 0 to 1.
        shade: ``(height, width)`` luminance that shows where it is opaque.
    """

    opacity: Plane
    shade: Plane


def draw_defect(rng: Generator, kind: str, surface: Surface) -> Layer:
    """One defect (or one cluster of its kind) of one of the :data:`KINDS`, somewhere on the surface."""
    drawers: dict[str, Callable[[Generator, Surface], Layer]] = {
        "scratch": _scratch,
        "pit": _pit,
        "patch": _patch,
        "inclusion": _inclusion,
        "crack": _crack,
        "blowhole": _blowhole,
    }
    return drawers[kind](rng, surface)


def _scratch(rng: Generator, surface: Surface) -> Layer:
    """Lines that something hard left along or across the strip: single, in bundles, or as a torn ribbon."""
    height, width = surface.light.shape
    size = min(height, width)
    angle = surface.angle + (rng.normal(0, 0.06) if chance(rng, 0.75) else between(rng, -1.5, 1.5))
    centre = _somewhere(rng, height, width)
    ribbon = chance(rng, 0.35)
    length = between(rng, 1.2 if ribbon else 0.25, 3.0) * max(size, 8)
    opacity = np.zeros((height, width), dtype=np.float32)
    for number in range(1 if ribbon else 1 + int(rng.geometric(0.5))):
        offset = 0.0 if number == 0 else float(rng.normal(0, 0.06 * size))
        place = (centre[0] - offset * np.sin(angle), centre[1] + offset * np.cos(angle))
        half = between(rng, 0.012, 0.05) * size if ribbon else log_between(rng, _THINNEST, 2.2)
        reach = length * between(rng, 0.4, 1.1)
        rough, bend, soft = (
            between(rng, 0.0, 0.12),
            between(rng, 0, 0.006),
            max(1.0, between(rng, 0.0, 0.9) * half),
        )
        torn = 0.0 if ribbon else 0.4
        line = _stroke(rng, surface, place, angle, reach, half, bend=bend, rough=rough, soft=soft, torn=torn)
        opacity = np.maximum(opacity, line)
    _, over = frame(height, width, centre, angle)
    ridges = np.interp(over, np.arange(-size, size + 1), wander(rng, 2 * size + 1, 3.0, 2)).astype(np.float32)
    jitter = cloud(rng, height, width, (5, 5), 2)
    texture = (0.5 * ridges + 0.3 * jitter) if ribbon else 0.4 * jitter
    return _shaded(
        rng, surface, opacity, chance(rng, 0.92 if ribbon else 0.7), between(rng, 0.12, 0.5), texture
    )


def _crack(rng: Generator, surface: Surface) -> Layer:
    """A thin dark line that turns and forks, widest in its middle."""
    height, width = surface.light.shape
    size = max(min(height, width), 8)
    angle = between(rng, 0, np.pi)
    centre = _somewhere(rng, height, width)
    length = between(rng, 0.25, 1.0) * size
    half = log_between(rng, 0.75, 2.2)
    opacity = _stroke(
        rng, surface, centre, angle, length, half, bend=between(rng, 0.02, 0.06), bends=5, rough=0.3
    )
    for _ in range(int(rng.integers(0, 4))):
        start = between(rng, -0.4, 0.4) * length
        fork = angle + between(rng, 0.3, 1.1) * (1 if chance(rng, 0.5) else -1)
        reach = between(rng, 0.1, 0.4) * length
        place = (
            centre[0] + start * np.cos(angle) + reach / 2 * np.cos(fork),
            centre[1] + start * np.sin(angle) + reach / 2 * np.sin(fork),
        )
        branch = _stroke(
            rng, surface, place, fork, reach, max(_THINNEST, 0.6 * half), bend=0.05, bends=4, rough=0.3
        )
        opacity = np.maximum(opacity, branch)
    return _shaded(
        rng, surface, opacity, False, between(rng, 0.15, 0.45), 0.2 * cloud(rng, height, width, (5, 5))
    )


def _inclusion(rng: Generator, surface: Surface) -> Layer:
    """Foreign matter rolled in and drawn out: spindles along the rolling direction, in a loose company."""
    height, width = surface.light.shape
    size = max(min(height, width), 8)
    centre = _somewhere(rng, height, width)
    opacity = np.zeros((height, width), dtype=np.float32)
    for number in range(int(rng.integers(1, 7))):
        shrink = 1.0 if number == 0 else between(rng, 0.2, 0.8)
        place = (
            centre
            if number == 0
            else (centre[0] + rng.normal(0, 0.12 * size), centre[1] + rng.normal(0, 0.12 * size))
        )
        length = between(rng, 0.06, 0.5) * size * shrink
        half = max(_THINNEST, min(length / 5, log_between(rng, 0.006, 0.045) * size))
        tilt = surface.angle + rng.normal(0, 0.08)
        soft = max(1.0, between(rng, 0.3, 1.2) * half)
        spindle = _stroke(
            rng,
            surface,
            place,
            tilt,
            length,
            half,
            bend=0.012,
            rough=0.2,
            soft=soft,
            taper="spindle",
        )
        opacity = np.maximum(opacity, spindle)
    texture = 0.3 * cloud(rng, height, width, (8, 8), 3)
    return _shaded(rng, surface, opacity, chance(rng, 0.1), log_between(rng, 0.06, 0.3), texture)


def _patch(rng: Generator, surface: Surface) -> Layer:
    """Areas of scale, rust or dirt with ragged, blurred borders and a grain of their own."""
    height, width = surface.light.shape
    size = max(min(height, width), 8)
    opacity = np.zeros((height, width), dtype=np.float32)
    centre = _somewhere(rng, height, width)
    soft = log_between(rng, 1.5, 0.08 * size + 2)
    ragged = between(rng, 0.1, 0.45)
    stretch = log_between(rng, 1.0, 3.5)
    for number in range(int(rng.integers(1, 4))):
        place = centre if number == 0 else _somewhere(rng, height, width)
        radius = log_between(rng, 0.05, 0.2) * size
        tilt = surface.angle + rng.normal(0, 0.2)
        blob = _blob(rng, surface, place, tilt, radius, stretch, ragged, soft)
        opacity = np.maximum(opacity, blob)
    rough = grain(rng, height, width, between(rng, 0.4, 0.9))
    mottle = cloud(rng, height, width, (size / 6, size / 6), 5)
    texture = between(rng, 0.0, 0.25) * rough + between(rng, 0.05, 0.35) * mottle
    return _shaded(rng, surface, opacity, chance(rng, 0.08), log_between(rng, 0.08, 0.45), texture)


def _pit(rng: Generator, surface: Surface) -> Layer:
    """Small craters, alone or in a swarm: dark on the side away from the lamp, bright on the other."""
    height, width = surface.light.shape
    size = max(min(height, width), 8)
    centre = _somewhere(rng, height, width)
    opacity = np.zeros((height, width), dtype=np.float32)
    relief = np.zeros((height, width), dtype=np.float32)
    lamp = between(rng, 0, 2 * np.pi)
    spread = between(rng, 0.03, 0.2) * size
    for number in range(int(rng.integers(1, 11))):
        place = (
            centre if number == 0 else (centre[0] + rng.normal(0, spread), centre[1] + rng.normal(0, spread))
        )
        radius = max(1.3, log_between(rng, 0.006, 0.03) * size)
        crater = _blob(rng, surface, place, between(rng, 0, np.pi), radius, between(rng, 1.0, 1.7), 0.2, 1.0)
        toward, _ = frame(height, width, place, lamp)
        relief = np.where(crater > opacity, np.clip(toward / radius, -1, 1), relief)
        opacity = np.maximum(opacity, crater)
    texture = between(rng, 0.2, 0.6) * relief + 0.15 * cloud(rng, height, width, (3, 3))
    return _shaded(rng, surface, opacity, False, between(rng, 0.12, 0.4), texture.astype(np.float32))


def _blowhole(rng: Generator, surface: Surface) -> Layer:
    """A pore that gas left: a round or oblong hole, nearly black inside, often with a lit rim on one side."""
    height, width = surface.light.shape
    size = max(min(height, width), 8)
    centre = _somewhere(rng, height, width)
    radius = max(1.6, log_between(rng, 0.012, 0.07) * size)
    tilt = between(rng, 0, np.pi)
    opacity = _blob(rng, surface, centre, tilt, radius, between(rng, 1.0, 2.2), between(rng, 0.03, 0.2), 1.2)
    toward, across = frame(height, width, centre, between(rng, 0, 2 * np.pi))
    distance = np.sqrt(toward**2 + across**2) / radius
    rim = np.clip(toward / radius, 0, 1) * np.clip(distance - 0.6, 0, 0.6) * between(rng, 0.0, 0.9)
    texture = rim + 0.15 * cloud(rng, height, width, (4, 4), 2)
    return _shaded(rng, surface, opacity, False, between(rng, 0.18, 0.5), texture.astype(np.float32))


def _somewhere(rng: Generator, height: int, width: int) -> tuple[float, float]:
    return between(rng, 0.08, 0.92) * (width - 1), between(rng, 0.08, 0.92) * (height - 1)


def _stroke(
    rng: Generator,
    surface: Surface,
    centre: tuple[float, float],
    angle: float,
    length: float,
    half: float,
    *,
    bend: float,
    bends: int = 2,
    rough: float = 0.15,
    soft: float = 1.0,
    taper: Literal["ends", "spindle"] = "ends",
    torn: float = 0.0,
) -> Plane:
    """Opacity of a line.

    Args:
        rng: where it comes from.
        surface: what it is drawn on, for its size.
        centre: ``(x, y)`` of its middle.
        angle: of its axis, in radians.
        length: in pixels.
        half: pixels to each side of the axis.
        bend: how far the axis wavers, as a share of the length.
        bends: octaves of that: 1 is a smooth bow, 5 a crack.
        rough: how much the width varies, as a share.
        soft: width of the border in pixels.
        taper: where it grows thin: at its ends, or all the way from its middle.
        torn: how likely it is interrupted.
    """
    height, width = surface.light.shape
    along, over = frame(height, width, centre, angle)
    samples = int(np.ceil(length)) + 2
    at = np.linspace(-length / 2, length / 2, samples)
    axis = bend * length * wander(rng, samples, max(length / 2, 2), bends)
    if taper == "spindle":
        reach = np.clip(1 - np.abs(2 * at / length), 0, 1) ** 0.7
    else:
        reach = np.clip((length / 2 - np.abs(at)) / max(0.1 * length, 1), 0, 1) ** 0.5
    thick = half * reach * (1 + rough * wander(rng, samples, max(10, length / 5), 3))
    thick = np.where(reach > 0.2, np.maximum(thick, _THINNEST), -0.5)
    limit = np.interp(along, at, thick, left=-2.0, right=-2.0)
    opacity = np.clip((limit - np.abs(over - np.interp(along, at, axis))) / soft + 0.5, 0, 1)
    if chance(rng, torn):
        held = np.clip(3 * (between(rng, 0.0, 1.2) - wander(rng, samples, max(length / 6, 4), 4)) + 0.5, 0, 1)
        opacity = opacity * np.interp(along, at, held)
    return np.asarray(opacity, dtype=np.float32)


def _blob(
    rng: Generator,
    surface: Surface,
    centre: tuple[float, float],
    angle: float,
    radius: float,
    stretch: float,
    ragged: float,
    soft: float,
) -> Plane:
    """Opacity of a spot of ``radius`` pixels, ``stretch`` times as long as wide, with a border of ``soft`` pixels."""
    height, width = surface.light.shape
    along, over = frame(height, width, centre, angle)
    distance = np.sqrt((along / stretch) ** 2 + over**2)
    ripple = cloud(rng, height, width, (max(radius, 2), max(radius, 2)), 4)
    border = radius * (1 + ragged * ripple) - distance
    return np.asarray(np.clip(border / soft + 0.5, 0, 1), dtype=np.float32)


def _shaded(
    rng: Generator, surface: Surface, opacity: Plane, bright: bool, contrast: float, texture: Plane
) -> Layer:
    """The defect's own light: the surface's, shifted by a contrast that stands out from its texture.

    ``texture`` is in units of the contrast. A bright defect for which the surface leaves no room becomes dark; a
    dark one on a dark surface goes as deep as it can.
    """
    inside = opacity > 0.5
    level = float(surface.light[inside].mean()) if inside.any() else 0.5
    contrast = max(contrast, 1.3 * surface.roughness, _FAINTEST)
    bright = bright and level + contrast <= 1.0
    if not bright:
        contrast = min(contrast, max(0.9 * level, _FAINTEST))
    sign = 1.0 if bright else -1.0
    kept = between(rng, 0.5, 1.0)  # how much of the surface's own texture shows through
    ground = level + kept * (surface.light - level)
    # The texture may weaken the contrast, but not turn it around.
    strength = contrast * np.clip(1 + sign * texture, 0.35, 1.8)
    return Layer(opacity, np.asarray(ground + sign * strength, dtype=np.float32))
