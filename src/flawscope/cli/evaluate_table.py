"""An evaluation on the screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from flawscope.inspect.counted import number_of
from flawscope.metrics.names import FIGURES, HEADLINE

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.evaluate import Evaluation, Part

_IN_PARTS = {
    "iou_fg_image_mean": "IoU",
    "dice_fg_image_mean": "Dice",
    "recall_fg_image_mean": "recall",
    "wfm": "wF",
    "s_measure": "S",
    "mae": "MAE",
    "defect_recall": "found",
}
"""Figures shown for subsets and kinds, all at the first threshold, and their headings."""


def print_evaluation(screen: Console, evaluation: Evaluation, *, every: bool = False) -> None:
    """Figures with intervals, then parts, classes and sizes, then notes.

    Args:
        screen: where to.
        evaluation: what to print.
        every: all figures, not only those that most readers need.
    """
    title = f"{evaluation.source} on {evaluation.data}: {number_of(evaluation.whole.images, 'image')}"
    if evaluation.failures:
        title += f", {len(evaluation.failures)} failed"
    screen.print(title, markup=False)
    shown = [
        name for name in FIGURES if name in evaluation.figures and (every or _is_needed(name, evaluation))
    ]
    screen.print(_figures(evaluation, shown))
    hidden = len(evaluation.figures) - len(shown)
    more = f"; {hidden} more with --all" if hidden else ""
    screen.print(f"what these mean: docs/metrics.md{more}", markup=False)
    for heading, parts in (("subset", evaluation.subsets), ("kind", evaluation.kinds)):
        if parts:
            mean = evaluation.subset_mean if heading == "subset" else None
            screen.print(_parts(heading, parts, mean))
    if len(evaluation.labels) > 1:
        screen.print(_classes(evaluation))
    if any(row["defects"] for row in evaluation.sizes):
        screen.print(_sizes(evaluation))
    if evaluation.undefined:
        left_out = ", ".join(f"{name} {count}" for name, count in evaluation.undefined.items())
        screen.print(f"images left out of a mean because it is undefined for them: {left_out}", markup=False)
    for note in evaluation.notes:
        screen.print(f"note: {note}", markup=False)


def _is_needed(name: str, evaluation: Evaluation) -> bool:
    if evaluation.settings["protocol"] != "standard":
        return True  # four figures only
    return name in HEADLINE and (name != "miou_classes" or len(evaluation.labels) > 1)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _figures(evaluation: Evaluation, shown: Sequence[str]) -> Table:
    standard = evaluation.settings["protocol"] == "standard"
    first = f"at {_level(evaluation.settings['threshold'])}" if standard else "ocinet"
    columns = ["figure", first, "95 %"]
    if evaluation.calibrated_threshold is not None:
        columns += [f"calibr. {_level(evaluation.calibrated_threshold)}", "95 %"]
    table = _table(*columns)
    for name in shown:
        row = [name, _number(evaluation.figures[name]), _interval(evaluation.intervals.get(name))]
        if not standard and name == "recall_fg_image_mean":
            row[0] = f"{name} (the paper's PA)"
        if evaluation.calibrated_threshold is not None:
            known = name in evaluation.whole.calibrated
            row.append(_number(evaluation.whole.calibrated[name]) if known else "")
            row.append(_interval(evaluation.calibrated_intervals.get(name)))
        table.add_row(*row)
    return table


def _level(threshold: float) -> str:
    """A threshold with two digits, or as many as it takes to tell it from others: 0.50, 0.999."""
    two = f"{threshold:.2f}"
    return two if float(two) == threshold else f"{threshold:.6g}"


def _parts(heading: str, parts: Mapping[str, Part], mean: Part | None) -> Table:
    shown = [name for name in _IN_PARTS if name in next(iter(parts.values())).figures]
    table = _table(heading, "images", *(_IN_PARTS[name] for name in shown))
    rows = list(parts.items()) + ([] if mean is None else [("mean of the subsets", mean)])
    for name, part in rows:
        table.add_row(name, str(part.images), *(_number(part.figures[figure]) for figure in shown))
    return table


def _classes(evaluation: Evaluation) -> Table:
    names = ("iou_pooled", "dice_pooled", "recall", "precision")
    table = _table("class, pooled", "IoU", "Dice", "recall", "precision", "found", "false alarms")
    for row in evaluation.classes:
        found = f"{row['found_defects']}/{row['true_defects']}" if "true_defects" in row else ""
        table.add_row(
            row["class"], *(_number(row[name]) for name in names), found, str(row.get("false_alarms", ""))
        )
    return table


def _sizes(evaluation: Evaluation) -> Table:
    table = _table("defect area, px", "defects", "found", "probability", "95 %")
    for row in evaluation.sizes:
        if row["defects"]:
            end = "and more" if row["below_px"] is None else f"to {row['below_px'] - 1}"
            table.add_row(
                f"{row['from_px']} {end}",
                str(row["defects"]),
                str(row["found"]),
                _number(row["probability"]),
                _interval(row["interval"]),
            )
    return table


def _number(value: Any) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _interval(ends: Any) -> str:
    return "" if ends is None or math.isnan(ends[0]) else f"{ends[0]:.3f}-{ends[1]:.3f}"
