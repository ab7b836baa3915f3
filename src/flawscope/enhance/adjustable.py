"""A filter parameter that an agent may set, and the range it may set it in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flawscope.enhance.filters import FILTERS
from flawscope.errors import UsageError

_MANYFOLD = 10.0
"""From this ratio of its ends on, a range is walked by factors, not by differences."""


@dataclass(frozen=True, slots=True)
class Adjustable:
    """One parameter and its range.

    Attributes:
        filter: the filter's name.
        parameter: the parameter's name.
        low: value at action -1.
        high: value at action 1.

    Raises:
        UsageError: no such parameter, or a range not within its limits.
    """

    filter: str
    parameter: str
    low: float
    high: float

    def __post_init__(self) -> None:
        limit = FILTERS[self.filter].limits.get(self.parameter) if self.filter in FILTERS else None
        if limit is None:
            raise UsageError(f"there is no parameter '{self.parameter}' of a filter '{self.filter}'")
        if not (limit.allows(self.low) and limit.allows(self.high) and self.low < self.high):
            raise UsageError(
                f"the range {self.low:g} to {self.high:g} of {self.parameter} is not within: {limit}",
                where=self.filter,
            )

    def value(self, action: float) -> float:
        """The value at an action in -1 to 1 (cut to that), rounded where only whole or odd numbers are allowed.

        Evenly along the range; by equal factors where ``low`` is positive and ``high`` ten times as much or more.
        """
        share = (1 + min(max(float(action), -1.0), 1.0)) / 2
        if self.low > 0 and self.high >= _MANYFOLD * self.low:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        limit = FILTERS[self.filter].limits[self.parameter]
        return min(max(limit.nearest(value), self.low), self.high)

    def to_json(self) -> dict[str, Any]:
        """The four fields."""
        return asdict(self)
