"""What a reader of the table must know of its lines: signs at their names, and sentences under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flawscope.fewshot.starting import NONE_FITS
from flawscope.fewshot.store import FinishedRow

UNFINISHED, WITHOUT_START, SMOKE = "†", "‡", "§"


def marks(rows: Sequence[FinishedRow]) -> str:
    """Signs for the rows of a line: trainings cut short, without the start they were meant to have, smoke runs."""
    signs = {UNFINISHED: _unfinished, WITHOUT_START: _without_start, SMOKE: _smoke}
    return "".join(sign for sign, found in signs.items() if any(found(row) for row in rows))


def notes(groups: Mapping[str, Sequence[FinishedRow]]) -> list[str]:
    """Sentences for the rows of each method: what the signs mean, and what each cost in segmenter calls."""
    told = []
    for method, rows in groups.items():
        if count := sum(map(_unfinished, rows)):
            told.append(
                f"{UNFINISHED} {method}: the training of {count} of {len(rows)} rows was stopped before its last "
                "step (--minutes)."
            )
        if count := sum(map(_without_start, rows)):
            told.append(
                f"{WITHOUT_START} {method}: {count} of {len(rows)} rows began with random values, because the "
                "shipped policy is for the default filters alone; do not compare them with rows that began with it."
            )
        if count := sum(map(_smoke, rows)):
            told.append(
                f"{SMOKE} {method}: {count} of {len(rows)} rows are smoke runs, a few steps on a CPU to see that it "
                "runs; no figure of theirs stands for the method. In full: --device cuda:0, or --budget."
            )
    costs = [f"{method} {_cost(rows)}" for method, rows in groups.items() if not method.startswith("maps")]
    if costs:
        told.append(
            "Segmenter calls in learning + for each query image, all choices of round together: "
            f"{'; '.join(costs)}."
        )
    return told


def mean_calls(rows: Sequence[FinishedRow]) -> tuple[float | None, float | None]:
    """Segmenter calls of a row's learning, and of one query image; None where a row does not say."""
    if any("calls" not in row.facts for row in rows):
        return None, None
    learning = sum(row.facts["calls"]["learning"] for row in rows) / len(rows)
    queries = sum(row.facts["queries"] for row in rows)
    return learning, sum(row.facts["calls"]["queries"] for row in rows) / max(1, queries)


def _cost(rows: Sequence[FinishedRow]) -> str:
    learning, query = mean_calls(rows)
    if learning is None or query is None:
        return "not recorded"
    return f"{learning:,.0f} + {query:.1f}" if learning or query else "none"


def _unfinished(row: FinishedRow) -> bool:
    return any(one.get("finished") is False for one in _trainings(row))


def _without_start(row: FinishedRow) -> bool:
    return any(one.get("start") == NONE_FITS for one in _trainings(row))


def _smoke(row: FinishedRow) -> bool:
    return any(one.get("smoke") is True for one in _trainings(row))


def _trainings(row: FinishedRow) -> list[dict[str, Any]]:
    """What is noted of each agent of a row."""
    if row.facts["method"] != "td3":
        return []
    return [one for one in row.facts.get("notes", {}).values() if isinstance(one, dict)]
