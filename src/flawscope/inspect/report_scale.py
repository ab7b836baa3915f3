"""Round numbers for axes."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where it stands, in units of the drawing, and what it says."""

    at: float
    text: str


def round_step(extent: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that goes into ``extent`` at most ``most`` times."""
    if extent <= 0:
        return 1.0
    rough = extent / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= rough * (1 - 1e-9))


def ticks(extent: float, length: float, most: int) -> list[Tick]:
    """Ticks from 0 to ``extent`` on an axis of ``length`` units, at most ``most`` steps."""
    step = round_step(extent, most)
    count = math.floor(extent / step * (1 + 1e-9))
    return [
        Tick(round(number * step / extent * length, 1), said(number * step)) for number in range(count + 1)
    ]


def said(value: float) -> str:
    """A number as people write it: ``12,000``, ``0.25``."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
