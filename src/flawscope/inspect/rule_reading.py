"""From a YAML file to rules, with the line of everything that is wrong in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from flawscope.errors import DataError
from flawscope.inspect.rule_conflicts import Conflict, conflicts, misnamed, nearest
from flawscope.inspect.rules import Density, Range, Rule, RuleFile, Rules
from flawscope.inspect.yaml_lines import Lined, Loc, YamlFaultError, parse_yaml
from flawscope.inspect.zones import Edges, ZoneDescription

MOST_BYTES = 256 * 1024
"""A rule file is written by hand; a larger one is something else."""

_MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a rule file.

    Attributes:
        source: the file.
        line: from 1; None when it is about the file as a whole.
        what: what is wrong.
        remedy: what is allowed, or what to do.
    """

    source: str
    line: int | None
    what: str
    remedy: str

    @property
    def where(self) -> str:
        """File and line."""
        return self.source if self.line is None else f"{self.source}, line {self.line}"

    def __str__(self) -> str:
        return str(DataError(self.what, where=self.where, remedy=self.remedy))


def read_rules(path: str | Path, labels: Sequence[str] | None = None) -> Rules:
    """Rules from a file, checked.

    Args:
        path: a YAML file.
        labels: the classes that exist, where known; rules about others are refused.

    Raises:
        DataError: the file cannot be read or says something that rules cannot mean; the first problem, with its
            line, and how many more there are.
    """
    rules, problems = examine_rules(path, labels)
    if rules is None:
        first, more = problems[0], len(problems) - 1
        others = f" (and {more} more: flawscope rules check {path})" if more else ""
        raise DataError(first.what, where=first.where, remedy=first.remedy + others)
    return rules


def examine_rules(
    path: str | Path, labels: Sequence[str] | None = None
) -> tuple[Rules | None, list[Problem]]:
    """Rules from a file, or what is wrong with it, by line.

    Whether rules contradict or drown out each other is only known when each of them is well formed.
    """
    source = str(path)
    try:
        with Path(path).open("rb") as opened:
            stored = opened.read(MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return None, [Problem(source, None, f"cannot be read ({reason})", "Check its path")]
    if len(stored) > MOST_BYTES:
        what = f"more than {MOST_BYTES // 1024} KiB, too large for a rule file"
        return None, [Problem(source, None, what, "Rules are a YAML file as in docs/judging.md")]
    return rules_from(stored, source, labels)


def rules_from(
    stored: bytes, source: str, labels: Sequence[str] | None = None
) -> tuple[Rules | None, list[Problem]]:
    """Rules from the bytes of a file; see :func:`examine_rules`."""
    try:
        lined = parse_yaml(stored)
    except YamlFaultError as error:
        return None, [Problem(source, error.line, error.what, error.remedy)]
    if not isinstance(lined.value, dict):
        empty = lined.value is None
        what = "the file is empty" if empty else "a rule file has keys such as 'default:' and 'rules:'"
        return None, [Problem(source, None if empty else 1, what, "docs/judging.md shows one")]
    try:
        content = RuleFile.model_validate(lined.value)
    except ValidationError as error:
        problems = [_translated(detail, source, lined) for detail in error.errors()]
        problems += [_placed(one, source, lined) for one in misnamed(lined.value, labels)]
        return None, _sorted(problems)
    lines = {rule.name: lined.line(("rules", number)) for number, rule in enumerate(content.rules)}
    problems = [_placed(one, source, lined) for one in conflicts(content, labels)]
    if problems:
        return None, _sorted(problems)
    zones = {name: lined.line(("zones", name)) for name in content.zones}
    return Rules(content, source, hashlib.sha256(stored).hexdigest()[:12], lines, zones), []


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)[:_MOST_PROBLEMS]


def _placed(found: Conflict, source: str, lined: Lined) -> Problem:
    """What is wrong between rules, with its line."""
    other = "" if found.other is None else f" (line {lined.line(('rules', found.other))})"
    line = lined.line(("rules", found.rule, found.key))
    return Problem(source, line, found.what + other, found.remedy)


def _translated(detail: Any, source: str, lined: Lined) -> Problem:
    """What pydantic found, in words for whoever wrote the file."""
    loc: Loc = tuple(detail["loc"])
    key, kind, given = str(loc[-1]) if loc else "", detail["type"], detail["input"]
    keys = ", ".join(_keys(loc[:-1]))
    if kind == "extra_forbidden" and key.isdecimal() and given is None:
        what = f"unknown key '{key}', as after a decimal comma"  # of {min: 0,5} YAML makes two keys
        return Problem(source, lined.line(loc), what, "Use a decimal point, such as 0.5")
    if kind == "extra_forbidden":
        return Problem(source, lined.line(loc), f"unknown key '{key}'", nearest(key, _keys(loc[:-1])))
    if kind == "missing":
        return Problem(source, lined.line(loc[:-1]), f"'{key}' is missing", f"Known keys: {keys}")
    if kind == "literal_error":
        allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return Problem(source, lined.line(loc), f"'{key}' cannot be {_short(given)}", f"Allowed: {allowed}")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        inside = ", ".join(_keys(loc)) or "names"
        what = f"'{_named(loc)}' is {_short(given)}, but it has keys of its own"
        return Problem(source, lined.line(loc), what, f"Allowed below it: {inside}")
    if kind == "value_error":
        what = detail["msg"].removeprefix("Value error, ")
        what = what if not what.startswith("must") else f"'{_named(loc)}' {what}"
    else:
        what = f"'{_named(loc)}' is {_short(given)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return Problem(source, lined.line(loc), what, "docs/judging.md describes each key")


def _named(loc: Loc) -> str:
    """The key itself, with its number where it is one of a list."""
    names = [part if isinstance(part, str) else str(part + 1) for part in loc]
    last = max((place for place, part in enumerate(loc) if isinstance(part, str)), default=0)
    return " ".join(names[last:]) if names else "rules"


def _keys(loc: Loc) -> list[str]:
    """Keys that are known at a place of the file."""
    model: type[BaseModel] = RuleFile
    if len(loc) >= 2 and loc[0] == "rules":
        model = Rule if len(loc) == 2 else Density if loc[2] == "count_per_metre" else Range
    elif len(loc) >= 2 and loc[0] == "zones":
        model = ZoneDescription if len(loc) == 2 else Edges
    elif loc:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _short(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "yes or no"
    text = str(value)
    return f"'{text[:40]}{'...' if len(text) > 40 else ''}'"
