"""A few-shot study on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "class_miou_image_mean": "mIoU image mean",
    "class_miou_pooled": "mIoU pooled",
    "fb_iou_pooled": "FB-IoU",
    "boundary_f": "boundary F",
}


def print_study(screen: Console, report: Mapping[str, Any]) -> None:
    """Figures of each line, then of each class, then what is better than what, then what failed."""
    lines = report["lines"]
    if lines:
        _whole(screen, _figures(lines))
        _whole(screen, _classes(lines))
    heads = {line["label"] for line in lines if line["stands_for_method"] and line["method"] != "raw"}
    shown = [one for one in report["differences"] if one["line"] in heads]
    if shown:
        _whole(screen, _differences(shown))
    for one in report["gap_closed"]:
        if one["line"] not in heads:
            continue
        screen.print(
            f"{one['line']}: closes {one['share']:.0%} of the gap from cma to best-of-30", markup=False
        )
    if lines:
        screen.print(
            "mean +- standard deviation over manifests and seeds; class mIoU is the mean over classes. Differences "
            f"are of the rounds kept by '{report['choice']}', * excludes zero; all others are in the JSON. Masks: "
            f"{report['empty_masks']}",
            markup=False,
        )
    for note in report["notes"]:
        screen.print(note, markup=False)
    for failure in report["failures"]:
        screen.print(f"failed: {failure}", markup=False)


def _whole(screen: Console, content: Table) -> None:
    """At its own width: a figure that is cut off is worse than a long line."""
    before = screen.width
    screen.width = max(before, screen.measure(content, options=screen.options.update(width=1000)).maximum)
    screen.print(content, crop=False)
    screen.width = before


def _figures(lines: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(
        "method, round kept",
        "rows",
        *_COLUMNS.values(),
        "learning s",
        "calls",
        "ms an image",
        "calls an image",
    )
    for line in lines:
        table.add_row(
            _marked(line),
            str(line["rows"]),
            *(_spread(line["figures"][name]) for name in _COLUMNS),
            f"{line['seconds_learning']:.0f}",
            "?" if line["calls_learning"] is None else f"{line['calls_learning']:.0f}",
            f"{line['seconds_a_query'] * 1000:.0f}",
            "?" if line["calls_a_query"] is None else f"{line['calls_a_query']:.1f}",
        )
    return table


def _classes(lines: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for line in lines for name in line["classes"]))
    table = _table("IoU, image mean", *names)
    for line in lines:
        known = line["classes"]
        table.add_row(
            _marked(line),
            *(f"{known[name]['iou_image_mean']:.3f}" if name in known else "-" for name in names),
        )
    return table


def _differences(differences: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("mIoU image mean, paired", "against", "difference", "95 %", "images")
    for one in differences:
        low, high = one["interval_95"]
        known = low is not None and low == low
        mark = " *" if one["excludes_zero"] else ""
        table.add_row(
            one["line"],
            one["against"],
            f"{one['difference']:+.3f}",
            f"{low:+.3f} to {high:+.3f}{mark}" if known else "",
            str(one["images"]),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, column in enumerate(columns):
        table.add_column(
            column, justify="left" if number == 0 or column == "against" else "right", no_wrap=True
        )
    return table


def _marked(line: Mapping[str, Any]) -> str:
    return f"{line['label']} {line['marks']}".rstrip()


def _spread(figure: Mapping[str, Any]) -> str:
    return f"{figure['mean']:.3f}" + ("" if figure["sd"] is None else f" +- {figure['sd']:.3f}")
