"""Finished rows seen through some of their classes, such as those that decided nothing about a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flawscope.errors import UsageError
from flawscope.fewshot.scores import figures
from flawscope.fewshot.store import FinishedRow


def of_classes(rows: Sequence[FinishedRow], names: Sequence[str]) -> list[FinishedRow]:
    """The rows with the query images of these classes alone, and their figures; what a row cost stays whole.

    Raises:
        UsageError: a class that no row has.
    """
    known = {one["class"] for row in rows for many in row.scores.values() for one in many}
    unknown = sorted(set(names) - known)
    if unknown:
        raise UsageError(
            f"no such class: {', '.join(unknown)}",
            where="--classes",
            remedy=f"Choose of: {', '.join(sorted(known))}",
        )
    return [_restricted(row, frozenset(names)) for row in rows]


def _restricted(row: FinishedRow, names: frozenset[str]) -> FinishedRow:
    scores = {line: [one for one in many if one["class"] in names] for line, many in row.scores.items()}
    lines = {}
    for line, many in scores.items():
        whole, classes = figures(many)
        lines[line] = {"figures": whole, "classes": classes}
    return replace(row, facts={**row.facts, "lines": lines}, scores=scores)
