"""Timing several things in turns, so that whatever else the machine does slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

Name = TypeVar("Name")

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, in seconds.

    Attributes:
        median, least: of all repeats.
        low, high: the 10th and the 90th of 100.
        repeats: how many.
    """

    median: float
    least: float
    low: float
    high: float
    repeats: int

    @staticmethod
    def of(seconds: list[float]) -> Timing:
        """Of at least one repeat."""
        low, median, high = (float(value) for value in np.percentile(seconds, [10, 50, 90]))
        return Timing(median, min(seconds), low, high, len(seconds))

    def to_json(self) -> dict[str, Any]:
        """Milliseconds, rounded to a microsecond."""
        return {
            "median_ms": round(1e3 * self.median, 3),
            "min_ms": round(1e3 * self.least, 3),
            "p10_ms": round(1e3 * self.low, 3),
            "p90_ms": round(1e3 * self.high, 3),
            "repeats": self.repeats,
        }


def alternate(
    actions: Mapping[Name, Callable[[], object]],
    repeats: int,
    *,
    warm_up: int = WARM_UP,
    on_turn: Callable[[], None] = lambda: None,
) -> dict[Name, Timing]:
    """Time each action once a turn, in order.

    Args:
        actions: what to time, by name.
        repeats: turns that count.
        warm_up: turns before them that do not.
        on_turn: called after each turn.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in actions}
    for turn in range(warm_up + repeats):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - started)
        on_turn()
    return {name: Timing.of(values) for name, values in seconds.items()}
