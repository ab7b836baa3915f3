"""What a report says of verdicts: the worst first, with the rules that spoke."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.inspect.rules import SEVERITY
from flawscope.inspect.tables import Record

OUTCOMES = tuple(sorted(SEVERITY, key=lambda outcome: -SEVERITY[outcome]))
"""``reject``, ``review``, ``accept``."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a verdict said of one defect.

    Attributes:
        outcome: the worst that any rule said of it, ``accept`` if none spoke; None in an image without a verdict.
        rules: the rules that spoke of it, worst first.
    """

    outcome: str | None
    rules: tuple[str, ...] = ()


@dataclass(slots=True)
class RuleCount:
    """How often one rule spoke."""

    rule: str
    outcome: str
    images: int = 0
    defects: int = 0


def outcome_of(record: Record) -> str | None:
    """The outcome of an image, or None where it was not judged."""
    verdict = record.get("verdict")
    return None if verdict is None else str(verdict["outcome"])


def spoken_of(record: Record) -> list[Spoken]:
    """For each defect of an image, in order, what its verdict said."""
    verdict, count = record.get("verdict"), len(record["defects"])
    if verdict is None:
        return [Spoken(None)] * count
    found: list[list[tuple[str, str]]] = [[] for _ in range(count)]
    for finding in verdict["findings"]:  # worst first
        for index in finding["defects"]:
            found[index].append((finding["outcome"], finding["rule"]))
    return [
        Spoken(said[0][0], tuple(rule for _, rule in said)) if said else Spoken("accept") for said in found
    ]


def worst_first(defect: Mapping[str, Any], spoken: Spoken, size: str) -> tuple[int, float]:
    """A key that sorts the worst defect first: by what was said of it, then by its ``size``."""
    return 0 if spoken.outcome is None else OUTCOMES.index(spoken.outcome), -defect[size]


def severity(record: Record, size: str = "area_px") -> tuple[int, float]:
    """A key that sorts the worst image first: by outcome, then by the defect with the largest ``size``."""
    outcome = outcome_of(record)
    largest = max((defect[size] for defect in record["defects"]), default=0)
    return (0 if outcome is None else -SEVERITY[outcome], -largest)  # type: ignore[index]


def rule_counts(records: Iterable[Record]) -> list[RuleCount]:
    """Every rule that spoke, worst first, then the most frequent."""
    counts: dict[tuple[str, str], RuleCount] = {}
    for record in records:
        for finding in (record.get("verdict") or {"findings": ()})["findings"]:
            rule, outcome = finding["rule"], finding["outcome"]
            count = counts.setdefault((rule, outcome), RuleCount(rule, outcome))
            count.images += 1
            count.defects += len(finding["defects"])
    return sorted(counts.values(), key=lambda count: (OUTCOMES.index(count.outcome), -count.images))


def rule_files(records: Sequence[Record]) -> list[tuple[str, str, str | None]]:
    """Rule files that judged: name, first digits of their SHA-256, and the text if it is still the same."""
    named = {
        (verdict["rules"]["file"], verdict["rules"]["sha256"])
        for record in records
        if (verdict := record.get("verdict")) is not None
    }
    return [(file, digest, _text(file, digest)) for file, digest in sorted(named)]


def _text(file: str, digest: str) -> str | None:
    try:
        stored = Path(file).read_bytes()
    except (OSError, ValueError):
        return None
    same = hashlib.sha256(stored).hexdigest().startswith(digest)
    return stored.decode("utf-8", "replace") if same else None
