"""What ``--rules`` and ``--calibration`` mean, and what is told of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.inspect.calibration import Calibration
    from flawscope.inspect.inspector import Inspector
    from flawscope.segment import Segmenter


def open_calibration(
    calibration: Path | None, identity: str | None, segmenter: Segmenter
) -> Calibration | None:
    """The calibration that is given, or the one that travels in the weights.

    Raises:
        UsageError: it has another id than ``identity``, that is asked of none, or the weights were exported for
            another camera and ``identity`` does not confirm this one.
        DataError: not a calibration.
    """
    from flawscope.errors import UsageError
    from flawscope.inspect.calibration import load_calibration, new_calibration
    from flawscope.segment.loading import network_header

    header = network_header(segmenter)
    size = None if header is None else header.calibration
    if calibration is not None:
        chosen = load_calibration(calibration)
        if size is not None and identity is None and size.id != chosen.id:
            raise UsageError(
                f"the calibration is of '{chosen.id}', and the weights were exported for '{size.id}'",
                where=f"--calibration {calibration}",
                remedy=f"Give the calibration of '{size.id}', or confirm with --calibration-id {chosen.id}",
            )
    elif size is not None:
        chosen = new_calibration(**size.model_dump())
    elif identity is not None:
        raise UsageError(
            "there is no calibration that could have this id",
            where=f"--calibration-id {identity}",
            remedy="Add --calibration, or leave it out",
        )
    else:
        return None
    if identity is not None:
        chosen.require_id(identity)
    return chosen


def open_inspector(rules: Path | None, calibration: Calibration | None, labels: Sequence[str]) -> Inspector:
    """What measures and judges.

    Raises:
        DataError: the rules are wrong.
        UsageError: they need a calibration and there is none.
    """
    from flawscope.inspect.inspector import Inspector
    from flawscope.inspect.rule_reading import read_rules

    return Inspector(None if rules is None else read_rules(rules, labels), calibration)


def count_outcomes(records: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many images were accepted, rejected and so on; without rules nothing."""
    return Counter(record["verdict"]["outcome"] for record in records if "verdict" in record)


def outcomes_in_words(outcomes: Mapping[str, int]) -> str:
    """Such as ``3 accept, 1 review, 2 reject``."""
    return ", ".join(f"{outcomes.get(word, 0)} {word}" for word in ("accept", "review", "reject"))


def verdict_line(record: Mapping[str, Any]) -> str:
    """Such as ``REJECT a.png: long scratch, 1 defect: length_mm 4.2 (min 3)``; without rules what was found.

    Of a strip that was inspected in part the word is ``REJECT so far`` or ``REVIEW``.
    """
    verdict = record.get("verdict")
    if verdict is not None:
        word = verdict["outcome"].upper()
        if verdict.get("so_far") and verdict["outcome"] == "reject":
            word += " so far"
        return f"{word:<6} {record['source']}: {verdict['reason']}"
    count = len(record["defects"])
    found = "clean" if count == 0 else f"{count} defect{'s' * (count != 1)}"
    return f"{record['source']}: {found}"


def exit_code(outcomes: Mapping[str, int], *, failed: bool) -> int:
    """2 when something failed, 1 when something was not accepted, else 0."""
    if failed:
        return 2
    return 1 if outcomes.get("review") or outcomes.get("reject") else 0
