"""Ranges of filter parameters, and the one check against them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flawscope.errors import UsageError


@dataclass(frozen=True, slots=True)
class Limit:
    """The values a parameter may take, ends included.

    Attributes:
        low: the smallest.
        high: the largest.
        whole: whole numbers only.
        odd: odd whole numbers only.
    """

    low: float
    high: float
    whole: bool = False
    odd: bool = False

    def allows(self, value: float) -> bool:
        """Whether the value may be used."""
        if not (math.isfinite(value) and self.low <= value <= self.high):
            return False
        if self.odd:
            return value % 2 == 1
        return not self.whole or value % 1 == 0

    def nearest(self, value: float) -> float:
        """The allowed value next to ``value``."""
        inside = min(max(value, self.low), self.high)
        if self.odd:
            return float(min(2 * math.floor(inside / 2) + 1, self.high))
        return float(round(inside)) if self.whole else inside

    def __str__(self) -> str:
        kind = "an odd number" if self.odd else "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


KERNEL_SIZE = Limit(1, 31, odd=True)
"""Side of a square window in pixels; the diameter of the bilateral filter's disc."""


def check(name: str, limits: Mapping[str, Limit], **values: float) -> None:
    """Compare parameters with their limits.

    Raises:
        UsageError: naming the filter, the parameter and its range.
    """
    for parameter, value in values.items():
        limit = limits[parameter]
        if not limit.allows(value):
            raise UsageError(f"{parameter} must be {limit}, not {value:g}", where=name)
