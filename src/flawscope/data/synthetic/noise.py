"""Smooth randomness, the stuff that surfaces are made of: clouds of any grain, streaks, and wavering lines."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.float32]
Generator: TypeAlias = np.random.Generator


def between(rng: Generator, low: float, high: float) -> float:
    """A number in ``low`` to ``high``, each equally likely."""
    return float(rng.uniform(low, high))


def log_between(rng: Generator, low: float, high: float) -> float:
    """A number in ``low`` to ``high``, each order of magnitude equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def chance(rng: Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def grain(rng: Generator, height: int, width: int, sigma: float = 0.0) -> Plane:
    """Noise from pixel to pixel, ``(height, width)``, mean 0 and deviation 1, blurred by ``sigma`` pixels."""
    noise: Plane = rng.standard_normal((height, width), dtype=np.float32)
    return noise if sigma <= 0 else standard(np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32))


def cloud(rng: Generator, height: int, width: int, cell: tuple[float, float], octaves: int = 1) -> Plane:
    """Smooth noise, ``(height, width)``, mean 0 and deviation 1.

    Args:
        rng: where it comes from.
        height: pixels.
        width: pixels.
        cell: height and width, in pixels, of the largest structures; unequal ones give streaks.
        octaves: layers, each of half the size and half the strength of the one before.
    """
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        # Knots at half the structures' size, blurred: plain interpolation between knots would show their lattice.
        rows, columns = (
            int(np.clip(round(side / 2 ** (octave + 1)), 1, length))
            for side, length in zip(cell, (height, width), strict=True)
        )
        grid = rng.standard_normal((height // rows + 8, width // columns + 8), dtype=np.float32)
        grid = np.asarray(cv2.GaussianBlur(grid, (5, 5), 0.9), dtype=np.float32)
        smooth = cv2.resize(
            grid, (grid.shape[1] * columns, grid.shape[0] * rows), interpolation=cv2.INTER_CUBIC
        )
        top, left = int(rng.integers(3 * rows, 5 * rows)), int(rng.integers(3 * columns, 5 * columns))
        total += smooth[top : top + height, left : left + width] * np.float32(0.5**octave)
    return standard(total)


def wander(rng: Generator, length: int, step: float, octaves: int = 3) -> Plane:
    """A line that wavers, ``(length,)``, mean 0 and deviation 1, with bends about ``step`` samples apart."""
    line: Plane = cloud(rng, 1, length, (1.0, step), octaves)[0]
    return line


def standard(values: npt.NDArray[np.float32]) -> Plane:
    """The values with mean 0 and deviation 1; zeros when they are all alike."""
    centred = values - np.float32(values.mean())
    deviation = float(centred.std())
    return np.asarray(centred / np.float32(deviation if deviation > 1e-6 else 1.0), dtype=np.float32)


def frame(height: int, width: int, centre: tuple[float, float], angle: float) -> tuple[Plane, Plane]:
    """Coordinates of every pixel along and across a direction.

    Args:
        height: pixels.
        width: pixels.
        centre: ``(x, y)`` of the origin.
        angle: of the direction, in radians from the x axis.

    Returns:
        ``(height, width)`` distances in pixels along it and across it.
    """
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(centre[0])
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(centre[1])
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine
