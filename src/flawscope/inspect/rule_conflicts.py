"""Rules that cannot do what their author expects: twice the same, in contradiction, or never heard."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flawscope.inspect.rules import FIELDS, SEVERITY, TOTALS, Density, Range, Rule, RuleFile

DEFAULT = "default"
"""What a verdict calls the default outcome; no rule may be called so."""

REDUCED = "image reduced"
"""What a verdict calls the built-in rule of ``inspect.reduction``; no rule may be called so."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something wrong between rules, classes and zones.

    Attributes:
        rule: number of the rule it is about, from 0.
        key: the key of the rule it is about.
        what: what is wrong.
        remedy: what is allowed.
        other: number of the other rule, whose line is named too.
    """

    rule: int
    key: str
    what: str
    remedy: str
    other: int | None = None


def nearest(name: str, known: Collection[str]) -> str:
    """``Did you mean 'x'? Allowed: x, y``."""
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}Allowed: {', '.join(known) or 'none'}"


def conflicts(content: RuleFile, labels: Sequence[str] | None = None) -> Iterator[Conflict]:
    """Everything wrong with rules that are well formed one by one.

    Args:
        content: the rules.
        labels: the classes that exist, where known.
    """
    for number, rule in enumerate(content.rules):
        yield from _own(number, rule, content, labels)
        for earlier, other in enumerate(content.rules[:number]):
            found = _between(number, rule, earlier, other)
            if found is not None:
                yield found
                break


def misnamed(content: Mapping[str, Any], labels: Sequence[str] | None = None) -> Iterator[Conflict]:
    """What is wrong with the names of rules, zones and classes in a file that is not well formed.

    Args:
        content: the file as plain values; whatever is not where it should be is passed over.
        labels: the classes that exist, where known.
    """
    rules, zones = content.get("rules"), content.get("zones", {})
    first: dict[str, int] = {}
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict):
            continue
        yield from _names(number, rule, zones if isinstance(zones, dict) else None, labels)
        name = rule.get("name")
        if isinstance(name, str) and first.setdefault(name, number) != number:
            yield _twice(number, name, first[name])


def _names(
    number: int, rule: Mapping[str, Any], zones: Collection[str] | None, labels: Sequence[str] | None
) -> Iterator[Conflict]:
    """Names of one rule that cannot be; what is no name at all is passed over."""
    if rule.get("name") in (DEFAULT, REDUCED):
        yield Conflict(number, "name", f"a rule cannot be named '{rule['name']}'", "Choose another name")
    for key in ("zone", "outside"):
        zone = rule.get(key)
        if isinstance(zone, str) and zones is not None and zone not in zones:
            yield Conflict(number, key, f"there is no zone '{zone}'", nearest(zone, zones))
    classes = rule.get("class")
    for label in [classes] if isinstance(classes, str) else classes if isinstance(classes, list) else ():
        if isinstance(label, str) and labels is not None and label not in labels:
            yield Conflict(number, "class", f"'{label}' is not one of the classes", nearest(label, labels))


def _twice(number: int, name: str, earlier: int) -> Conflict:
    return Conflict(number, "name", f"there is another rule named '{name}'", "Give each its own", earlier)


def _own(number: int, rule: Rule, content: RuleFile, labels: Sequence[str] | None) -> Iterator[Conflict]:
    given = {"name": rule.name, "zone": rule.zone, "outside": rule.outside, "class": list(rule.classes or ())}
    yield from _names(number, given, content.zones, labels)
    never = f"rule '{rule.name}' can never speak"
    for name, (low, high) in (FIELDS | TOTALS).items():
        limits = getattr(rule, name)
        if isinstance(limits, Range) and (limits.low > high or limits.high < low):
            allowed = (
                f"{name} goes from {low:g} to {high:g}" if high < float("inf") else f"{name} is never below 0"
            )
            yield Conflict(number, name, never, allowed)
    if rule.then == "accept" and content.default == "accept" and rule.total is None:
        yield Conflict(
            number,
            "then",
            f"rule '{rule.name}' can never decide: every defect is accepted by default",
            "Take it out, or write default: review or default: reject",
        )


def _between(number: int, rule: Rule, earlier: int, other: Rule) -> Conflict | None:
    if rule.name == other.name:
        return _twice(number, rule.name, earlier)
    there, here = _implies(rule, other), _implies(other, rule)
    if there and here:
        if rule.then == other.then:
            what, remedy = f"rule '{rule.name}' repeats '{other.name}'", "Take one of them out"
        else:
            what = f"rule '{rule.name}' says {rule.then} where '{other.name}' says {other.then}, for the same defects"
            remedy = "Change the limits of one, or take one out"
        return Conflict(number, "then", what, remedy, earlier)
    if there and SEVERITY[other.then] >= SEVERITY[rule.then]:
        return _unheard(number, rule, other, earlier)
    if here and SEVERITY[rule.then] >= SEVERITY[other.then]:
        return _unheard(earlier, other, rule, number)
    return None


def _unheard(number: int, rule: Rule, other: Rule, place: int) -> Conflict:
    return Conflict(
        number,
        "name",
        f"rule '{rule.name}' can never decide: '{other.name}' says {other.then} whenever it would speak",
        "Change the limits of one, or take one out",
        place,
    )


def _implies(narrow: Rule, broad: Rule) -> bool:
    """Whether the broad rule surely speaks whenever the narrow one does, of the same defects or more."""
    if broad.total is None:
        some = narrow.total is None or _needs_a_defect(narrow.total[1])
        return some and _selects_less(narrow, broad)
    if narrow.total is None or narrow.total[0] != broad.total[0]:
        return False
    return (
        _selects_less(narrow, broad)
        and _selects_less(broad, narrow)
        and _harder(narrow.total[1], broad.total[1])
    )


def _needs_a_defect(limits: Range | Density) -> bool:
    return isinstance(limits, Density) or limits.low > 0


def _harder(narrow: Range | Density, broad: Range | Density) -> bool:
    if isinstance(narrow, Range) and isinstance(broad, Range):
        return narrow.within(broad)
    assert isinstance(narrow, Density)
    assert isinstance(broad, Density)
    return narrow.window_m == broad.window_m and narrow.min >= broad.min


def _selects_less(narrow: Rule, broad: Rule) -> bool:
    classes = broad.classes is None or (
        narrow.classes is not None and set(narrow.classes) <= set(broad.classes)
    )
    zones = all(getattr(broad, key) in (None, getattr(narrow, key)) for key in ("zone", "outside"))
    limits = narrow.limits
    return (
        classes
        and zones
        and all(name in limits and limits[name].within(wide) for name, wide in broad.limits.items())
    )
