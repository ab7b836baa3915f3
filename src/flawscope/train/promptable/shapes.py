"""Random outlines of things on a surface: blots, polygons, ellipses, strokes and speckles."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Generator = np.random.Generator
Bools = npt.NDArray[np.bool_]


def random_shape(rng: Generator, side: int) -> Bools:
    """``(side, side)``; between a few pixels and some third of the square, never quite nothing by design."""
    kind = rng.choice(5, p=(0.35, 0.15, 0.15, 0.25, 0.1))
    return (_blot, _polygon, _ellipse, _stroke, _speckles)[kind](rng, side)


def _blot(rng: Generator, side: int) -> Bools:
    cells = int(rng.integers(4, 20))
    noise = rng.standard_normal((cells, cells)).astype(np.float32)
    field = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    centre, reach = rng.random(2), np.exp(rng.uniform(np.log(0.06), np.log(0.35)))
    nearness = 1.5 - ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * reach**2)
    return np.asarray(field * rng.uniform(0.3, 1.0) + nearness > 1.0)


def _polygon(rng: Generator, side: int) -> Bools:
    corners = int(rng.integers(3, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = side * np.exp(rng.uniform(np.log(0.05), np.log(0.4))) * rng.uniform(0.4, 1.0, corners)
    centre = rng.uniform(0.05, 0.95, 2) * side
    points = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None]
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 1)
    return canvas > 0


def _ellipse(rng: Generator, side: int) -> Bools:
    canvas = np.zeros((side, side), np.uint8)
    _spot(rng, canvas, side * float(np.exp(rng.uniform(np.log(0.015), np.log(0.25)))), rng.random(2) * side)
    return canvas > 0


def _speckles(rng: Generator, side: int) -> Bools:
    canvas = np.zeros((side, side), np.uint8)
    middle, spread = rng.uniform(0.1, 0.9, 2) * side, rng.uniform(0.05, 0.2) * side
    for _ in range(int(rng.integers(3, 12))):
        _spot(rng, canvas, rng.uniform(0.01, 0.03) * side, rng.normal(middle, spread))
    return canvas > 0


def _stroke(rng: Generator, side: int) -> Bools:
    canvas = np.zeros((side, side), np.uint8)
    place, heading = rng.uniform(0.05, 0.95, 2) * side, rng.uniform(0, 2 * np.pi)
    bend, step = rng.uniform(0.02, 0.35), side * rng.uniform(0.02, 0.08)
    points = [place]
    for _ in range(int(rng.integers(4, 18))):
        heading += rng.normal(0, bend)
        points.append(points[-1] + step * np.array([np.cos(heading), np.sin(heading)]))
    width = max(1, round(side * float(np.exp(rng.uniform(np.log(0.005), np.log(0.05))))))
    cv2.polylines(canvas, [np.rint(points).astype(np.int32)], isClosed=False, color=1, thickness=width)
    return canvas > 0


def _spot(
    rng: Generator, canvas: npt.NDArray[np.uint8], reach: float, centre: npt.NDArray[np.float64]
) -> None:
    axes = (max(1, round(reach)), max(1, round(reach * rng.uniform(0.3, 1.0))))
    middle = (round(float(centre[0])), round(float(centre[1])))
    cv2.ellipse(canvas, middle, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
