"""The tables of docs/few-shot.md, rendered from ``benchmarks/results/fewshot*.json``.

The JSON files are those of ``flawscope fewshot run --json``; each has the command's settings, machine and versions.
Run: ``python benchmarks/fewshot_tables.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "few-shot.md"

FIGURES = {
    "class_miou_image_mean": "mIoU, image mean",
    "class_miou_pooled": "mIoU, pooled",
    "fb_iou_pooled": "FB-IoU",
    "boundary_f": "boundary F",
}


def load(results: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Reports by the name of their file."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(results.glob("fewshot*.json"))
    }


def render(reports: dict[str, dict[str, Any]]) -> str:
    """Everything between the markers of the page."""
    if not reports:
        return "No study has been recorded yet.\n"
    return "\n".join(study(name, report) for name, report in reports.items())


def study(name: str, report: dict[str, Any]) -> str:
    """One report: figures, classes, differences."""
    settings = report["settings"]
    lines = report["lines"]
    manifests = sorted({manifest for line in lines for manifest in line["manifests"]})
    prompted = " prompted from the supports" if settings["prompted"] else ""
    only = f", {len(settings['classes'])} classes" if settings["classes"] else ""
    parts = [
        f"### {settings['segmenter']}{prompted}, {settings['shots']}-shot{only}",
        f"{_count(manifests, 'manifest')} ({', '.join(manifests)}); trainings and searches with "
        f"{_count(range(report['seeds']), 'seed')} at most; compared are the rounds kept by "
        f"`{report['choice']}`; `{name}.json`.",
        _figures(lines),
        *report.get("notes", []),
        _classes(lines),
    ]
    heads = {line["label"] for line in lines if line["stands_for_method"]}
    differences = [one for one in report["differences"] if one["line"] in heads and one["line"] != "raw"]
    if differences:
        parts.append(_differences(differences))
    gaps = [one for one in report["gap_closed"] if one["line"] in heads]
    if gaps:
        closed = "; ".join(f"{one['line']} {one['share']:.0%}" for one in gaps)
        parts.append(f"Of the gap between cma and the best of 30 mixes of each image is closed: {closed}.")
    parts += [f"Not measured: {failure}." for failure in report.get("failures", [])]
    return "\n\n".join(parts) + "\n"


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _figures(lines: list[dict[str, Any]]) -> str:
    rows = [
        [
            "method, round kept",
            "rows",
            *FIGURES.values(),
            "learning, s",
            "an image, ms",
            "calls, learning",
            "calls, an image",
        ],
        ["---"] * (len(FIGURES) + 6),
    ]
    rows += [
        [
            _marked(line),
            str(line["rows"]),
            *(_spread(line["figures"][figure]) for figure in FIGURES),
            f"{line['seconds_learning']:.0f}",
            f"{line['seconds_a_query'] * 1000:.0f}",
            _calls(line, "calls_learning", 0),
            _calls(line, "calls_a_query", 1),
        ]
        for line in lines
    ]
    return _markdown(rows)


def _classes(lines: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for line in lines for name in line["classes"]))
    rows = [["IoU, image mean", *names], ["---"] * (len(names) + 1)]
    for line in lines:
        if line["stands_for_method"] or line["oracle"]:
            known = line["classes"]
            rows.append(
                [_marked(line), *(f"{known[n]['iou_image_mean']:.3f}" if n in known else "" for n in names)]
            )
    return _markdown(rows)


def _differences(differences: list[dict[str, Any]]) -> str:
    rows = [["mIoU, image mean", "against", "difference", "95 %"], ["---"] * 4]
    for one in differences:
        low, high = one["interval_95"]
        ends = "" if low is None else f"{low:+.3f} to {high:+.3f}"
        value = f"{one['difference']:+.3f}"
        rows.append([one["line"], one["against"], f"**{value}**" if one["excludes_zero"] else value, ends])
    return _markdown(rows)


def _markdown(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _marked(line: dict[str, Any]) -> str:
    return f"{line['label']} {line.get('marks', '')}".rstrip()


def _calls(line: dict[str, Any], name: str, digits: int) -> str:
    """Of the segmenter; ``?`` where a report does not say."""
    count = line.get(name)
    return "?" if count is None else f"{count:,.{digits}f}"


def _spread(figure: dict[str, Any]) -> str:
    spread = "" if figure["sd"] is None else f" ± {figure['sd']:.3f}"
    return f"{figure['mean']:.3f}{spread}"


def fill(text: str, reports: dict[str, dict[str, Any]]) -> str:
    """The page with its tables made anew."""
    return re.sub(
        r"<!-- tables -->.*?<!-- /tables -->",
        lambda _: f"<!-- tables -->\n{render(reports)}<!-- /tables -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8")
