"""Losses as a table, for the screen and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flawscope.evaluate.robustness.sheet import SHEET
from flawscope.evaluate.robustness.study import Curves, Degree

_IOUS = {"iou_fg_image_mean": "IoU", "iou_fg_pooled": "IoU, pooled"}
_SHARES = {
    "overkill_rate": "overkill",
    "false_alarm_area": "false alarm area",
    "drawn_overkill_rate": "overkill, drawn",
    "drawn_false_alarm_area": "false alarm area, drawn",
}
_BRIEF = {
    "iou_fg_image_mean": "IoU",
    "false_alarm_area": "false alarm",
    "drawn_false_alarm_area": "drawn",
}
"""What a screen of 80 columns has room for."""


def rows_of(curves: Curves, *, brief: bool = False) -> list[list[str]]:
    """Head and rows: untouched first, then every degree. Shares that are nowhere defined are left out.

    Args:
        curves: what was measured.
        brief: short words and what matters most, for a screen.
    """
    degrees = [curves.untouched, *(degree for some in curves.degrees.values() for degree in some)]
    titles = _BRIEF if brief else _IOUS | _SHARES
    ious = [name for name in _IOUS if name in titles]
    shares = [
        name
        for name in _SHARES
        if name in titles and any(not math.isnan(degree.figures.get(name, math.nan)) for degree in degrees)
    ]
    head = ["", "strength"] if brief else ["degradation", "strength"]
    for name in ious:
        head += [titles[name], "loss", "95 %"]
    head += [titles[name] for name in shares]
    rows = [head, ["untouched", "", *_figures(curves.untouched, ious, shares)]]
    for name, some in curves.degrees.items():
        for number, degree in enumerate(some):
            title = name if brief else SHEET[name].title
            cells = _figures(degree, ious, shares)
            rows.append([title if number == 0 else "", f"{degree.strength:g}", *cells])
    return rows


def markdown(several: Sequence[Curves]) -> str:
    """A table for each segmenter."""
    text = ["# Robustness", ""]
    for curves in several:
        head, *rows = rows_of(curves)
        text += [
            f"## {curves.source}",
            "",
            f"{curves.data}, {curves.untouched.images} images, threshold {curves.threshold:.3g}. "
            "Loss: untouched minus degraded on the same images, with its 95 % bootstrap interval.",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * 2}{'---:|' * (len(head) - 2)}",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            *(f"Note: {note}.\n" for note in curves.notes),
        ]
    return "\n".join(text).rstrip() + "\n"


def _figures(degree: Degree, ious: Sequence[str], shares: Sequence[str]) -> list[str]:
    cells = []
    for name in ious:
        loss = degree.loss.get(name)
        interval = None if loss is None else loss.interval
        cells += [
            _number(degree.figures[name], "{:.3f}"),
            "" if loss is None else _number(loss.value, "{:+.3f}"),
            "" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}",
        ]
    return cells + [_number(degree.figures.get(name, math.nan), "{:.2%}") for name in shares]


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else form.format(value)
