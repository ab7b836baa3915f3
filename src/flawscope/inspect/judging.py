"""Rules applied to measured defects, all at once or as a strip brings them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flawscope.errors import DataError, UsageError
from flawscope.inspect.rule_conflicts import DEFAULT
from flawscope.inspect.rules import Density, Range, Rule, Rules
from flawscope.inspect.verdict import Finding, Verdict, verdict_of
from flawscope.inspect.zone_shapes import Box, Zone
from flawscope.inspect.zones import Scale


def judge(
    defects: Iterable[Mapping[str, Any]],
    rules: Rules,
    *,
    width: int,
    height: int,
    calibration: Scale | None = None,
) -> Verdict:
    """The verdict on the defects of one image.

    Args:
        defects: each a mapping with ``label``, ``score``, ``box`` ``(x, y, width, height)`` in pixels, ``centroid``
            ``(x, y)`` in pixels, ``area_px``, and whatever measures the rules limit. A measure that is None or NaN
            could not be taken: it counts against the piece.
        rules: from ``inspect.rule_reading.read_rules``.
        width: columns of the image.
        height: its rows.
        calibration: needed where rules or zones speak of mm or metres.

    Raises:
        UsageError: a calibration is needed and there is none.
        DataError: a zone lies outside the image, or a defect lacks what a rule asks about.
    """
    judging = Judging(rules, width=width, height=height, calibration=calibration)
    judging.add(defects)
    return judging.verdict()


def require_calibration(rules: Rules, calibration: Scale | None) -> None:
    """Raise UsageError when the rules speak of millimetres or metres and there is no calibration."""
    needed = rules.calibration_for
    if needed is not None and calibration is None:
        where, why = needed
        raise UsageError(f"{why}, and there is no calibration", where=where, remedy="Give --calibration")


@dataclass(slots=True)
class _Heard:
    """What one rule has to speak of so far."""

    rule: Rule
    zone: Zone | None
    outside: Zone | None
    defects: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    places_m: list[float] = field(default_factory=list)
    area: float = 0.0


class Judging:
    """Judges defects as they come; in whatever portions, the verdict is the same.

    Of each defect that a rule selects it keeps its number and what was measured, a few dozen bytes. A defect must
    be given whole, once, in pixels of the whole strip: who cuts the strip joins the defects.

    Args:
        rules: from ``inspect.rule_reading.read_rules``.
        width: columns of the image.
        height: its rows; None while a strip is still running, and then no zone may depend on it.
        calibration: needed where rules or zones speak of mm or metres.

    Raises:
        UsageError: a calibration, or the height, is needed and there is none.
        DataError: a zone lies outside the image.
    """

    def __init__(
        self, rules: Rules, *, width: int, height: int | None = None, calibration: Scale | None = None
    ) -> None:
        require_calibration(rules, calibration)
        self._rules, self._width, self._height = rules, width, height
        self._calibration = calibration
        self._seen = 0
        self._unspoken: list[int] = []
        zones = self._place_zones()
        self._heard = [
            _Heard(
                rule,
                zone=None if rule.zone is None else zones[rule.zone],
                outside=None if rule.outside is None else zones[rule.outside],
            )
            for rule in rules
        ]

    def add(self, defects: Iterable[Mapping[str, Any]]) -> None:
        """Hear about more defects; they are numbered on from those before.

        Raises:
            DataError: a defect lacks what a rule asks about.
        """
        for defect in defects:
            spoken = False
            for heard in self._heard:
                if self._selects(heard, defect):
                    self._note(heard, defect)
                    spoken = spoken or heard.rule.total is None
            if not spoken:
                self._unspoken.append(self._seen)
            self._seen += 1

    @property
    def lost(self) -> bool:
        """Whether the verdict is no longer accept, whatever else comes."""
        if self._rules.file.default != "accept" and self._unspoken:
            return True
        return any(
            heard.defects and heard.rule.total is None and heard.rule.then != "accept"
            for heard in self._heard
        )

    def verdict(self, height: int | None = None) -> Verdict:
        """The verdict on all defects so far.

        Args:
            height: rows of the strip so far, where they were not known before; for shares of its area.

        Raises:
            UsageError: a rule limits a share of the area and no height is known.
        """
        rows = self._height if height is None else height
        findings = [finding for heard in self._heard if (finding := self._finding(heard, rows)) is not None]
        default = self._rules.file.default
        if default != "accept" and self._unspoken:
            findings.append(Finding(DEFAULT, default, tuple(self._unspoken)))
        identity = None if self._calibration is None else self._calibration.id
        return verdict_of(findings, self._seen, self._rules.source, self._rules.sha256, identity)

    def _place_zones(self) -> dict[str, Zone]:
        placed = {}
        for name, described in self._rules.file.zones.items():
            where = f"{self._rules.source}, line {self._rules.zone_lines[name]}"
            if described.needs_height and self._height is None:
                raise UsageError(
                    f"zone '{name}' depends on the length of the strip, which is not known before its end",
                    where=where,
                    remedy="Give columns only, or rows in px or mm",
                )
            zone = described.place(self._width, self._height, self._calibration)
            if zone is None:
                size = f"{self._width} columns" + (
                    "" if self._height is None else f" and {self._height} rows"
                )
                raise DataError(
                    f"zone '{name}' lies outside the image, which has {size}",
                    where=where,
                    remedy="Correct its numbers or its unit",
                )
            placed[name] = zone
        return placed

    def _selects(self, heard: _Heard, defect: Mapping[str, Any]) -> bool:
        rule = heard.rule
        if rule.classes is not None and self._get(defect, "label", rule) not in rule.classes:
            return False
        against = rule.then != "accept"
        if heard.zone is not None or heard.outside is not None:
            box: Box = self._get(defect, "box", rule)
            # on the border of a zone a defect is both in and out, or for a rule that accepts neither
            if heard.zone is not None and not (
                heard.zone.touches(box) if against else heard.zone.contains(box)
            ):
                return False
            if heard.outside is not None and (
                heard.outside.contains(box) if against else heard.outside.touches(box)
            ):
                return False
        for name, limits in rule.limits.items():
            value = self._measure(defect, name, rule)
            holds = limits.holds_direction if name == "orientation_deg" else limits.holds
            if not (against if value is None else holds(value)):
                return False
        return True

    def _note(self, heard: _Heard, defect: Mapping[str, Any]) -> None:
        rule = heard.rule
        heard.defects.append(self._seen)
        if rule.total is None:
            for name in rule.limits:
                heard.values.setdefault(name, []).append(self._measure(defect, name, rule))
        elif rule.count_per_metre is not None:
            assert self._calibration is not None
            row = float(self._get(defect, "centroid", rule)[1])
            heard.places_m.append(row * self._calibration.mm_per_px_y / 1000)
        elif rule.area_share is not None:
            heard.area += float(self._get(defect, "area_px", rule))

    def _get(self, defect: Mapping[str, Any], name: str, rule: Rule) -> Any:
        try:
            return defect[name]
        except KeyError as error:
            raise DataError(
                f"rule '{rule.name}' asks about {name}, and a defect has none",
                where=self._rules.where(rule.name),
                remedy="Take the limit out, or judge defects that were measured",
            ) from error

    def _measure(self, defect: Mapping[str, Any], name: str, rule: Rule) -> float | None:
        value = self._get(defect, name, rule)
        return None if value is None or math.isnan(value) else float(value)

    def _finding(self, heard: _Heard, rows: int | None) -> Finding | None:
        rule = heard.rule
        line = self._rules.lines[rule.name]
        if rule.total is None:
            if not heard.defects:
                return None
            measured = {name: tuple(values) for name, values in heard.values.items()}
            return Finding(rule.name, rule.then, tuple(heard.defects), rule.limits_json(), {**measured}, line)
        name, limits = rule.total
        if isinstance(limits, Density):
            return _densest(heard, limits, line)
        value = float(len(heard.defects)) if name == "count" else self._share(heard, rows)
        return _total(heard, name, limits, value, line)

    def _share(self, heard: _Heard, rows: int | None) -> float:
        if rows is None:
            raise UsageError(
                f"rule '{heard.rule.name}' limits a share of the area, and the length of the strip is not known",
                where=self._rules.where(heard.rule.name),
                remedy="Give the height to verdict()",
            )
        return heard.area / (self._width * rows)


def _total(heard: _Heard, name: str, limits: Range, value: float, line: int) -> Finding | None:
    if not limits.holds(value):
        return None
    rule = heard.rule
    return Finding(rule.name, rule.then, tuple(heard.defects), rule.limits_json(), {name: value}, line)


def _densest(heard: _Heard, limits: Density, line: int) -> Finding | None:
    """The finding about the window with the most defects, the first of several, if they are too many."""
    if not heard.defects:
        return None
    order = np.lexsort((heard.defects, heard.places_m))
    places = np.array(heard.places_m)[order]
    counts = np.searchsorted(places, places + limits.window_m, side="left") - np.arange(len(places))
    first = int(counts.argmax())
    density = int(counts[first]) / limits.window_m
    if density < limits.min * (1 - 1e-12):
        return None
    rule = heard.rule
    inside = sorted(heard.defects[place] for place in order[first : first + int(counts[first])])
    start = float(places[first]) * 1000
    return Finding(
        rule.name,
        rule.then,
        tuple(inside),
        rule.limits_json(),
        {"count_per_metre": density},
        line,
        (start, start + limits.window_m * 1000),
    )
