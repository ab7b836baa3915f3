"""Rules that turn measured defects into accept, review or reject, as a person writes them in YAML.

``inspect.rule_reading`` reads them, ``inspect.judging`` applies them; ``docs/judging.md`` explains every key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flawscope.inspect.zones import Number, ZoneDescription

Outcome: TypeAlias = Literal["accept", "review", "reject"]

SEVERITY: dict[Outcome, int] = {"accept": 0, "review": 1, "reject": 2}
"""The worst outcome of all that was said is the verdict."""

_ANY, _FROM_ZERO, _SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0)

FIELDS: dict[str, tuple[float, float]] = {
    "score": _SHARE,
    "area_px": _FROM_ZERO,
    "length_px": _FROM_ZERO,
    "width_mean_px": _FROM_ZERO,
    "width_max_px": _FROM_ZERO,
    "perimeter_px": _FROM_ZERO,
    "orientation_deg": (-180.0, 180.0),
    "contrast": _ANY,
    "area_mm2": _FROM_ZERO,
    "length_mm": _FROM_ZERO,
    "width_mean_mm": _FROM_ZERO,
    "width_max_mm": _FROM_ZERO,
    "perimeter_mm": _FROM_ZERO,
}
"""Measures of one defect that a rule can limit, and the values they can take at all."""

TOTALS: dict[str, tuple[float, float]] = {
    "count": _FROM_ZERO,
    "count_per_metre": _FROM_ZERO,
    "area_share": _SHARE,
}
"""Measures of all the defects together that a rule selects."""


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Range(BaseModel):
    """Limits of a measure, both ends included.

    Attributes:
        min: from this value on.
        max: up to this value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _some_value_fits(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("neither 'min' nor 'max' is given")
        if self.low > self.high:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    @property
    def low(self) -> float:
        """The lower end, or minus infinity."""
        return -math.inf if self.min is None else self.min

    @property
    def high(self) -> float:
        """The upper end, or infinity."""
        return math.inf if self.max is None else self.max

    def holds(self, value: float) -> bool:
        """Whether a value lies within the limits."""
        return self.low <= value <= self.high

    def holds_direction(self, degrees: float) -> bool:
        """Whether a direction of 0 to 180 degrees lies within; below 0 the same directions count from -180 on."""
        return self.holds(degrees) or (-math.inf < self.low < 0 and self.holds(degrees - 180))

    def within(self, other: Range) -> bool:
        """Whether every value that fits here fits the other too."""
        return other.low <= self.low and self.high <= other.high

    def to_json(self) -> dict[str, float]:
        """The ends that are given."""
        return {name: value for name, value in (("min", self.min), ("max", self.max)) if value is not None}


class Density(BaseModel):
    """How many defects on a metre of strip are too many.

    Attributes:
        min: defects a metre, from this many on.
        window_m: length of the window that slides along the strip, in metres.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Number = Field(gt=0)
    window_m: Number = Field(default=1.0, gt=0)

    def to_json(self) -> dict[str, float]:
        """Plain values."""
        return {"min": self.min, "window_m": self.window_m}


class Rule(BaseModel):
    """One rule: which defects it selects, how much of them is enough for it to speak, and what it says.

    Without a total it speaks of every defect it selects; with one it speaks of all of them together.

    Attributes:
        name: what reports call it.
        then: what it says.
        classes: labels it selects; None for all.
        zone: name of the zone that a defect lies in.
        outside: name of the zone that a defect does not lie in.
        count: defects in the whole image.
        count_per_metre: defects in the densest metre of a strip.
        area_share: their area over that of the image, 0 to 1.

    The other attributes limit the measures :data:`FIELDS` of one defect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    then: Outcome
    classes: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)] | None = Field(
        default=None, alias="class"
    )
    zone: str | None = None
    outside: str | None = None
    score: Range | None = None
    area_px: Range | None = None
    length_px: Range | None = None
    width_mean_px: Range | None = None
    width_max_px: Range | None = None
    perimeter_px: Range | None = None
    orientation_deg: Range | None = None
    contrast: Range | None = None
    area_mm2: Range | None = None
    length_mm: Range | None = None
    width_mean_mm: Range | None = None
    width_max_mm: Range | None = None
    perimeter_mm: Range | None = None
    count: Range | None = None
    count_per_metre: Density | None = None
    area_share: Range | None = None

    @model_validator(mode="after")
    def _one_total_at_most(self) -> Rule:
        totals = [name for name in TOTALS if getattr(self, name) is not None]
        if len(totals) > 1:
            raise ValueError(f"{' and '.join(totals)} stand in one rule; write a rule for each")
        return self

    @property
    def limits(self) -> dict[str, Range]:
        """Limits of the measures of one defect, those that are given."""
        given = ((name, getattr(self, name)) for name in FIELDS)
        return {name: limits for name, limits in given if limits is not None}

    @property
    def total(self) -> tuple[str, Range | Density] | None:
        """The total it limits, if any, and how."""
        given = ((name, getattr(self, name)) for name in TOTALS)
        return next(((name, limits) for name, limits in given if limits is not None), None)

    def limits_json(self) -> dict[str, dict[str, float]]:
        """All its limits as plain values."""
        total = [] if self.total is None else [self.total]
        return {name: limits.to_json() for name, limits in (*self.limits.items(), *total)}


class RuleFile(BaseModel):
    """The content of a rule file.

    Attributes:
        default: what a defect is that no rule for single defects speaks of.
        requires: ``"calibration"`` if these rules are not to be used without one.
        zones: parts of the image, by name.
        rules: in the order in which reports name them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Outcome = "accept"
    requires: Literal["calibration"] | None = None
    zones: dict[str, ZoneDescription] = {}
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _some_rules(self) -> RuleFile:
        if not self.rules:
            raise ValueError("there are no rules")
        return self


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that have been read and checked.

    Attributes:
        file: what they say.
        source: the file they were read from, for messages.
        sha256: first 12 digits of the SHA-256 of their text.
        lines: the line on which each rule starts, by its name.
        zone_lines: the line on which each zone starts, by its name.
    """

    file: RuleFile
    source: str
    sha256: str
    lines: dict[str, int]
    zone_lines: dict[str, int]

    def __len__(self) -> int:
        return len(self.file.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.file.rules)

    def where(self, rule: str) -> str:
        """File and line of a rule."""
        return f"{self.source}, line {self.lines[rule]}"

    @property
    def calibration_for(self) -> tuple[str, str] | None:
        """Where and for what a calibration is needed, or None."""
        for rule in self:
            metric = [name for name in rule.limits if "_mm" in name]
            metric += ["count_per_metre"] if rule.count_per_metre is not None else []
            if metric:
                return self.where(rule.name), f"rule '{rule.name}' limits {metric[0]}"
        for name, zone in self.file.zones.items():
            if zone.unit == "mm":
                return f"{self.source}, line {self.zone_lines[name]}", f"zone '{name}' is given in mm"
        return None if self.file.requires is None else (self.source, "these rules require one")

    @property
    def fields(self) -> tuple[str, ...]:
        """Measures of single defects that any of the rules limits."""
        return tuple(name for name in FIELDS if any(name in rule.limits for rule in self))
