"""What judging returns: accept, review or reject, and every rule that spoke."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flawscope.inspect.digits import short
from flawscope.inspect.rule_conflicts import DEFAULT
from flawscope.inspect.rules import SEVERITY, Outcome

VERDICT_SCHEMA = "flawscope/verdict/1"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that spoke.

    Attributes:
        rule: its name; ``"default"`` for defects of which no rule spoke.
        outcome: what it said.
        defects: indices of the defects it spoke of, in the order in which they were given.
        limits: ``min`` and ``max`` of each measure it limits.
        measured: what was measured: for each measure of single defects a list as long as ``defects`` (None where
            it could not be measured), for a total one number.
        line: of the rule file.
        window_mm: for a count per metre, where the densest window starts and ends, from the first row.
        words: what is told instead of the measures.
    """

    rule: str
    outcome: Outcome
    defects: tuple[int, ...]
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    measured: dict[str, float | tuple[float | None, ...]] = field(default_factory=dict)
    line: int | None = None
    window_mm: tuple[float, float] | None = None
    words: str = ""

    @property
    def may_lapse(self) -> bool:
        """Whether more rows of a strip could silence it: a total with an upper limit, or a share of the area."""
        return any(
            not isinstance(values, tuple) and ("max" in self.limits[name] or name == "area_share")
            for name, values in self.measured.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain: dict[str, Any] = {
            "rule": self.rule,
            "outcome": self.outcome,
            "line": self.line,
            "defects": list(self.defects),
            "limits": self.limits,
            "measured": {
                name: list(values) if isinstance(values, tuple) else values
                for name, values in self.measured.items()
            },
        }
        return plain if self.window_mm is None else {**plain, "window_mm": list(self.window_mm)}

    def __str__(self) -> str:
        if self.words:
            return f"{self.outcome}: {self.words}"
        if self.rule == DEFAULT:
            return f"{self.outcome}: no rule speaks of {_defects(self.defects)}"
        parts = []
        for name, values in self.measured.items():
            ends = self.limits[name]
            limit = ", ".join(f"{end} {ends[end]:g}" for end in ("min", "max") if end in ends)
            parts.append(f"{name} {_values(values, ends)} ({limit})")
        told = f": {'; '.join(parts)}" if parts else ""
        return f"{self.outcome}: {self.rule}, {_defects(self.defects)}{told}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one image or strip.

    Attributes:
        outcome: the worst that any rule said; ``"accept"`` when none spoke.
        findings: the rules that spoke, worst first, otherwise in the order of the file.
        defects: how many defects were judged.
        rules: the rule file.
        rules_sha256: first 12 digits of the SHA-256 of its text.
        calibration: id of the calibration, if there was one.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    defects: int
    rules: str
    rules_sha256: str
    calibration: str | None = None

    @property
    def exit_code(self) -> int:
        """0 for accept; 1 for reject, and for review too, for it must not pass unseen."""
        return 0 if self.outcome == "accept" else 1

    @property
    def word(self) -> str:
        """``ACCEPT``, ``REVIEW`` or ``REJECT``: tells apart what the exit code does not."""
        return self.outcome.upper()

    @property
    def reason(self) -> str:
        """One line: the first of the worst findings."""
        if not self.findings or self.findings[0].outcome != self.outcome:
            return f"no rule speaks of {_defects(range(self.defects))}" if self.defects else "no defects"
        return str(self.findings[0]).removeprefix(f"{self.outcome}: ")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "schema": VERDICT_SCHEMA,
            "outcome": self.outcome,
            "reason": self.reason,
            "defects": self.defects,
            "findings": [finding.to_json() for finding in self.findings],
            "rules": {"file": self.rules, "sha256": self.rules_sha256},
            "calibration": self.calibration,
        }


def verdict_of(
    findings: list[Finding], defects: int, rules: str, rules_sha256: str, calibration: str | None
) -> Verdict:
    """The worst outcome wins."""
    ordered = sorted(findings, key=lambda finding: -SEVERITY[finding.outcome])
    outcome: Outcome = ordered[0].outcome if ordered else "accept"
    return Verdict(outcome, tuple(ordered), defects, rules, rules_sha256, calibration)


def so_far(verdict: Verdict, rows: int, of_rows: int | None) -> dict[str, Any]:
    """The verdict on a strip that was inspected in part, as plain values; never accept.

    Args:
        verdict: on what was found.
        rows: how many were inspected.
        of_rows: how many there should be, where that is known.
    """
    kept = [finding for finding in verdict.findings if finding.outcome == "reject" and not finding.may_lapse]
    spoke = kept or [finding for finding in verdict.findings if finding.outcome != "accept"]
    said = in_part_in_words(rows, of_rows)
    return {
        **verdict.to_json(),
        "outcome": "reject" if kept else "review",
        "reason": ": ".join([said, *(str(each).partition(": ")[2] for each in spoke[:1])]),
        "so_far": True,
    }


def in_part_in_words(rows: int, of_rows: int | None) -> str:
    """Such as ``inspected in part (600 of 1,200 rows)``."""
    return f"inspected in part ({rows:,} {'' if of_rows is None else f'of {of_rows:,} '}rows)"


def _defects(indices: tuple[int, ...] | range) -> str:
    return {0: "no defect", 1: "1 defect"}.get(len(indices), f"{len(indices)} defects")


def _values(values: float | tuple[float | None, ...], ends: dict[str, float]) -> str:
    if not isinstance(values, tuple):
        return short(values)
    known = [value for value in values if value is not None]
    if not known:
        return "not measurable"
    if len(values) == 1:
        return short(known[0])
    return f"up to {short(max(known))}" if "min" in ends else f"down to {short(min(known))}"
