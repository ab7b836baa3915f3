"""YAML as plain values that remember their lines, from a stranger's file, safely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

Loc: TypeAlias = tuple[str | int, ...]
"""Keys and places that lead to a value."""

_DEEPEST = 12
_MOST_VALUES = 20_000
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlFaultError(Exception):
    """The text is not YAML that we read.

    Args:
        what: what is wrong.
        line: where, from 1.
        remedy: what to do.
    """

    def __init__(self, what: str, line: int | None, remedy: str) -> None:
        super().__init__(what)
        self.what, self.line, self.remedy = what, line, remedy


@dataclass(frozen=True, slots=True)
class Lined:
    """Plain values and where they stand.

    Attributes:
        value: dicts, lists and scalars; None for an empty text.
        lines: line of each value, from 1; that of the key where it has one.
    """

    value: Any
    lines: dict[Loc, int]

    def line(self, loc: Loc) -> int:
        """The line of a value, or of the nearest thing around it."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


def parse_yaml(stored: bytes) -> Lined:
    """Values and lines of YAML text in UTF-8.

    Tags, anchors, aliases and keys given twice are refused: none of them is needed by hand-written settings, the
    last one hides mistakes, and the others are what harmful files are made of.

    Raises:
        YamlFaultError: with the line.
    """
    try:
        text = stored.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = stored[: error.start].count(b"\n") + 1
        raise YamlFaultError("not UTF-8 text", line, "Save the file as UTF-8") from error
    lines: dict[Loc, int] = {}
    try:
        _refuse_strange_events(text)
        node = yaml.compose(text, Loader=_Loader)
        value = None if node is None else _plain(node, (), lines, yaml.constructor.SafeConstructor())
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        place = getattr(error, "position", 0)
        line = text[: place if isinstance(place, int) else 0].count("\n") + 1
        raise YamlFaultError("a character that YAML does not allow", line, "Delete it") from error
    return Lined(value, lines)


def _refuse_strange_events(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if number > _MOST_VALUES:
            raise YamlFaultError(f"more than {_MOST_VALUES} values", line, "Settings are written by hand")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlFaultError(
                "anchors (&) and aliases (*) are not read", line, "Write the value out; put text in quotes"
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise YamlFaultError(f"the tag {tag} is not read", line, "Leave it out; put text in quotes")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise YamlFaultError("nested too deep", line, "docs/judging.md shows a rule file")


def _plain(
    node: yaml.Node, loc: Loc, lines: dict[Loc, int], scalars: yaml.constructor.SafeConstructor
) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(loc, line)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*loc, place), lines, scalars) for place, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, item in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFaultError("a key that is no word", at, "A key is a word before a colon")
            name = str(key.value)
            if name in values:
                first = lines[(*loc, name)]
                raise YamlFaultError(f"the key '{name}' stands twice (line {first})", at, "Keep one of them")
            lines[(*loc, name)] = at
            values[name] = _plain(item, (*loc, name), lines, scalars)
        return values
    try:
        return scalars.construct_object(node)
    except (ValueError, TypeError) as error:  # a date that does not exist, a number of thousands of digits
        raise YamlFaultError(f"'{str(node.value)[:40]}' is not read", line, "Put text in quotes") from error


def _syntax(error: yaml.MarkedYAMLError, text: str) -> YamlFaultError:
    mark = error.problem_mark or error.context_mark
    line = None if mark is None else mark.line + 1
    if mark is not None:
        lines = text.splitlines()
        near = lines[mark.line] if mark.line < len(lines) else ""
        if "\t" in near[: len(near) - len(near.lstrip())] or "'\\t'" in (error.problem or ""):
            return YamlFaultError("a tab", line, "Indent with spaces")
    problem = " ".join((error.problem or "cannot be read").split())
    return YamlFaultError(
        f"not valid YAML ({problem})", line, "Often a colon, a quote or an indentation is wrong here or above"
    )
