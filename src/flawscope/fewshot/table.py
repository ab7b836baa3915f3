"""The table of a study: figures of every line over its rows, and what is better than what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.fewshot.answers import ONLY
from flawscope.fewshot.differences import Key, paired_difference
from flawscope.fewshot.naming import method_names
from flawscope.fewshot.notes import marks, mean_calls, notes
from flawscope.fewshot.pieces import Pieces, pieces_of
from flawscope.fewshot.scores import FIGURES
from flawscope.fewshot.settings import METHODS
from flawscope.fewshot.store import FinishedRow
from flawscope.metrics import EMPTY_RULE

REFERENCES = ("raw", "best-single", "cma", "cma-rollouts", "pick-of-30")
"""Methods that the others are compared with."""

BOUND = "best-of-30"
_LEFT_OUT = ("schema", "stamp", "machine", "maps")
HEADLINE = "class_miou_image_mean"


def table(
    rows: Sequence[FinishedRow], choice: str = "last", split_files: Sequence[Path] = ()
) -> dict[str, Any]:
    """Everything there is to say about finished rows, as JSON.

    Args:
        rows: of one study.
        choice: of the round, that stands for a method in differences; a method without it is taken by ``last``.
        split_files: that say which images show one physical piece, besides what the rows know of it.

    Returns:
        ``lines`` (one a method and choice of round: mean, standard deviation and values of every figure over
        manifests and seeds; ``marks`` are the signs that stand behind its label), ``differences``, ``gap_closed``,
        ``notes`` (sentences that belong under the table), ``rows``, ``machines`` and the rule for empty masks.

    Raises:
        DataError: a split file that cannot be used.
    """
    pieces = pieces_of(rows, split_files)
    groups: dict[tuple[str, str], list[FinishedRow]] = {}
    methods: dict[str, list[FinishedRow]] = {}
    for method, row in zip(method_names(rows), rows, strict=True):
        methods.setdefault(method, []).append(row)
        for line in row.facts["lines"]:
            groups.setdefault((method, line), []).append(row)
    order = list(METHODS)
    keys = sorted(groups, key=lambda key: order.index(key[0].split(":")[0]))
    values = {key: image_values(groups[key], key[1]) for key in keys}
    heads = {method: headline([key[1] for key in keys if key[0] == method], choice) for method, _ in keys}
    return {
        "headline": HEADLINE,
        "choice": choice,
        "empty_masks": EMPTY_RULE,
        "lines": [_line(key, groups[key], key == (key[0], heads[key[0]])) for key in keys],
        "differences": _differences(values, heads, pieces),
        "gap_closed": _gaps(values, heads),
        "notes": notes(dict(sorted(methods.items(), key=lambda one: order.index(one[0].split(":")[0])))),
        "rows": [{name: value for name, value in row.facts.items() if name not in _LEFT_OUT} for row in rows],
        "machines": _machines(rows),
    }


def _machines(rows: Sequence[FinishedRow]) -> list[dict[str, Any]]:
    """Each that a row was made on, once; how busy it was then is in the row."""
    told = [
        {name: value for name, value in row.facts["machine"].items() if name != "load_average"}
        for row in rows
    ]
    return [json.loads(text) for text in dict.fromkeys(json.dumps(one) for one in told)]


def headline(lines: Sequence[str], choice: str) -> str:
    """The line of a method that stands for it: the choice of round, else ``last``, else its only one."""
    if choice in lines:
        return choice
    return "last" if "last" in lines else lines[0]


def label(method: str, line: str) -> str:
    """What to call a line; the oracle's says so."""
    if method == BOUND:
        return f"{method} (oracle: uses the true mask)"
    if line == ONLY:
        return method
    if _is_oracle(line):
        return f"{method}, {line} (uses the true mask)"
    return f"{method}, {line}"


def _is_oracle(line: str) -> bool:
    return line.startswith("oracle")


def image_values(rows: Sequence[FinishedRow], line: str) -> dict[Key, float]:
    """IoU of every image, the mean over seeds."""
    gathered: dict[Key, list[float]] = {}
    for row in rows:
        for one in row.scores[line]:
            gathered.setdefault((row.facts["manifest"], one["class"], one["image"]), []).append(one["iou"])
    return {key: float(np.mean(many)) for key, many in gathered.items()}


def _line(key: tuple[str, str], rows: Sequence[FinishedRow], is_head: bool) -> dict[str, Any]:
    method, line = key
    parts = [row.facts["lines"][line] for row in rows]
    classes = list(dict.fromkeys(name for part in parts for name in part["classes"]))
    queries = sum(row.facts["queries"] for row in rows)
    calls_learning, calls_a_query = mean_calls(rows)
    return {
        "method": method,
        "choice": line or None,
        "label": label(method, line),
        "marks": marks(rows),
        "oracle": method == BOUND or _is_oracle(line),
        "stands_for_method": is_head,
        "rows": len(rows),
        "manifests": sorted({row.facts["manifest"] for row in rows}),
        "seeds": sorted({row.facts["seed"] for row in rows}),
        "figures": {name: _spread([part["figures"][name] for part in parts]) for name in FIGURES},
        "classes": {
            name: {
                figure: float(
                    np.mean([part["classes"][name][figure] for part in parts if name in part["classes"]])
                )
                for figure in ("iou_pooled", "iou_image_mean", "fb_iou_pooled", "boundary_f")
            }
            for name in classes
        },
        "seconds_learning": float(np.mean([row.facts["seconds"]["learning"] for row in rows])),
        "seconds_a_query": sum(row.facts["seconds"]["queries"] for row in rows) / max(1, queries),
        "calls_learning": calls_learning,
        "calls_a_query": calls_a_query,
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation (None of one row) and the values."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "values": list(values)}


def _differences(
    values: dict[tuple[str, str], dict[Key, float]], heads: dict[str, str], pieces: Pieces
) -> list[dict[str, Any]]:
    made = []
    for (method, line), mine in values.items():
        for reference in REFERENCES:
            if reference == method or reference not in heads:
                continue
            found = paired_difference(mine, values[reference, heads[reference]], pieces=pieces)
            if found is not None:
                made.append(
                    {
                        "line": label(method, line),
                        "against": label(reference, heads[reference]),
                        "difference": found.mean,
                        "interval_95": [found.low, found.high],
                        "excludes_zero": found.certain,
                        "images": found.images,
                        "pieces": found.pieces,
                        "manifests": found.manifests,
                    }
                )
    return made


def _gaps(values: dict[tuple[str, str], dict[Key, float]], heads: dict[str, str]) -> list[dict[str, Any]]:
    """Share of the gap between CMA-ES and the best of 30 mixes an image that each line closes."""
    if "cma" not in heads or BOUND not in heads:
        return []
    low, high = values["cma", heads["cma"]], values[BOUND, heads[BOUND]]
    made = []
    for (method, line), mine in values.items():
        if method in ("cma", BOUND, "raw", "best-single"):
            continue
        shared = mine.keys() & low.keys() & high.keys()
        gain = paired_difference({k: mine[k] for k in shared}, {k: low[k] for k in shared}, resamples=0)
        whole = paired_difference({k: high[k] for k in shared}, {k: low[k] for k in shared}, resamples=0)
        if gain is not None and whole is not None and whole.mean > 0:
            made.append({"line": label(method, line), "share": gain.mean / whole.mean, "gap": whole.mean})
    return made
