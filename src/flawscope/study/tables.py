"""The tables of a study in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flawscope.metrics.names import FIGURES
from flawscope.study.comparing import Figure, figure, gap
from flawscope.study.description import Study, StudyRow
from flawscope.study.store import StoredRun
from flawscope.study.timing import network_key

Finished = Mapping[str, Sequence[StoredRun]]
"""Finished runs by the name of their row."""


def results_table(study: Study, finished: Finished, test: str, timings: Mapping[str, Any]) -> list[str]:
    """All rows on one test set: size, speed, figures, and the difference to the reference row.

    Args:
        study: whose rows.
        finished: their runs; rows without any are named at the end.
        test: name of the test set.
        timings: as read by ``read_timings``; may be empty.
    """
    names = [name for name in study.file.figures if name in FIGURES]
    reference = study.file.reference
    head = ["row", "parameters, M", "multiply-adds, G", "ms an image", "seeds"]
    head += [FIGURES[name].title for name in names]
    head += [f"IoU against {reference}, points"] if reference else []
    papers = sorted({name for row in study.file.rows for name in row.paper})
    head += [f"paper: {name}" for name in papers]
    lines, missing = [_line(head), _line(["---"] * len(head))], []
    for row in study.file.rows:
        runs = finished.get(row.name, ())
        if not any(run.images(test) for run in runs):
            if test in study.measured_on(row):
                missing.append(row.name)
            continue
        cells = [_title(row), *_size(row, runs[0], timings), str(len(runs))]
        cells += [_figure(figure(runs, test, name), name) for name in names]
        if reference:
            cells.append("" if row.name == reference else _gap(runs, finished.get(reference, ()), test))
        cells += [f"{row.paper[name]:g}" if name in row.paper else "" for name in papers]
        lines.append(_line(cells))
    if missing:
        lines += ["", f"Not run yet: {'; '.join(missing)}."]
    return lines


def kinds_table(study: Study, finished: Finished, test: str) -> list[str]:
    """Image-mean IoU by kind of image; empty where there are fewer than two kinds."""
    kinds = sorted({kind for runs in finished.values() for run in runs for kind in _kinds(run, test)})
    if len(kinds) < 2:
        return []
    lines = [_line(["row", *kinds]), _line(["---"] * (len(kinds) + 1))]
    for row in study.file.rows:
        runs = [run for run in finished.get(row.name, ()) if _kinds(run, test)]
        if runs:
            cells = [
                _mean([_kinds(run, test).get(kind, {}).get("iou_fg_image_mean") for run in runs])
                for kind in kinds
            ]
            lines.append(_line([_title(row), *cells]))
    return lines


def classes_table(study: Study, finished: Finished, test: str) -> list[str]:
    """Pooled IoU of each class and their mean; empty for a single class."""
    labels = sorted(
        {
            entry["class"]
            for runs in finished.values()
            for run in runs
            for entry in _standard(run, test).get("classes", [])[1:]
        }
    )
    if len(labels) < 2:
        return []
    lines = [_line(["row", *labels, "mean"]), _line(["---"] * (len(labels) + 2))]
    for row in study.file.rows:
        runs = [run for run in finished.get(row.name, ()) if _standard(run, test)]
        if not runs:
            continue
        by_label = [
            {entry["class"]: entry["iou_pooled"] for entry in _standard(run, test)["classes"]} for run in runs
        ]
        cells = [_mean([one.get(label) for one in by_label]) for label in labels]
        lines.append(
            _line([_title(row), *cells, _mean([run.figures(test).get("miou_classes") for run in runs])])
        )
    return lines


def protocols_table(study: Study, finished: Finished, test: str) -> list[str]:
    """The same answers by both protocols, side by side; empty where only one was asked for."""
    if len(study.file.protocols) < 2:
        return []
    names = ("iou_fg_image_mean", "dice_fg_image_mean", "recall_fg_image_mean", "wfm")
    head = ["row"]
    head += [f"{FIGURES[name].title}: {protocol}" for name in names for protocol in ("standard", "ocinet")]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in study.file.rows:
        runs = finished.get(row.name, ())
        if any(run.figures(test, "ocinet") for run in runs):
            cells = [
                _mean([run.figures(test, protocol).get(name) for run in runs])
                for name in names
                for protocol in ("standard", "ocinet")
            ]
            lines.append(_line([_title(row), *cells]))
    return lines


def _standard(run: StoredRun, test: str) -> dict[str, Any]:
    found: dict[str, Any] = run.facts["tests"].get(test, {}).get("standard", {})
    return found


def _kinds(run: StoredRun, test: str) -> dict[str, Any]:
    found: dict[str, Any] = _standard(run, test).get("kinds", {})
    return found


def _title(row: StudyRow) -> str:
    return f"{row.name} ({row.note})" if row.note else row.name


def _size(row: StudyRow, run: StoredRun, timings: Mapping[str, Any]) -> list[str]:
    network = run.facts["network"]
    if network is None:
        return ["" if row.parameters is None else f"{row.parameters / 1e6:.1f}", "", ""]
    timed = timings.get("networks", {}).get(network_key(network))
    return [
        f"{network['parameters'] / 1e6:.2f}",
        f"{network['multiply_adds'] / 1e9:.2f}",
        "" if timed is None else f"{timed['median_ms']:.1f}",
    ]


def _figure(found: Figure | None, name: str) -> str:
    if found is None:
        return ""
    digits = 4 if name == "mae" else 3
    text = f"{found.mean:.{digits}f}"
    if found.spread is not None:
        text += f" ± {found.spread:.{digits}f}"
    if found.low is not None and found.high is not None:
        text += f" ({found.low:.{digits}f}-{found.high:.{digits}f})"
    return text


def _gap(runs: Sequence[StoredRun], reference: Sequence[StoredRun], test: str) -> str:
    found = gap(runs, reference, test) if reference else None
    if found is None:
        return ""
    text = f"{100 * found.mean:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"**{text}**" if found.certain else text


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if known else ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
