"""Accuracy against size and against speed, for all networks of a study in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.evaluate.diagrams import new_figure, save_figure
from flawscope.nets.library_names import library_name
from flawscope.study.comparing import figure
from flawscope.study.description import Study, StudyRow
from flawscope.study.store import StoredRun
from flawscope.study.tables import Finished
from flawscope.study.timing import network_key

_COLOURS = {"ours": "#1d3557", "library": "#e76f51", "published": "#6a994e"}
_MARKS = {"ours": "o", "library": "s", "published": "D"}
_FRONT = "#adb5bd"


@dataclass(frozen=True, slots=True)
class _Point:
    name: str
    kind: str
    score: float
    low: float
    high: float
    millions: float
    milliseconds: float | None


def draw_pareto(study: Study, finished: Finished, test: str, timings: Mapping[str, Any], path: Path) -> bool:
    """Draw image-mean IoU against parameters and, where they were timed, milliseconds; PNG.

    Bars are 95 % intervals. The grey line joins the networks that no smaller (faster) one beats.

    Returns:
        Whether there was anything to draw: networks of two sizes or more.
    """
    points = [
        point
        for row in study.file.rows
        if (point := _point(row, finished.get(row.name, ()), test, timings)) is not None
    ]
    if len({point.millions for point in points}) < 2:
        return False
    sides = [("parameters, millions", [(point, point.millions) for point in points])]
    by_time = [(point, point.milliseconds) for point in points if point.milliseconds is not None]
    if len(by_time) > 1:
        sides.append(("milliseconds an image", by_time))
    drawing = new_figure(6.4 * len(sides), 4.4)
    for number, (title, places) in enumerate(sides):
        axes = drawing.add_subplot(1, len(sides), number + 1)
        places = sorted(places, key=lambda place: (place[1], -place[0].score))
        for point, across in places:
            low, high = point.score - point.low, point.high - point.score
            style = {"color": _COLOURS[point.kind], "marker": _MARKS[point.kind], "markersize": 6}
            axes.errorbar(across, point.score, [[low], [high]], elinewidth=0.8, **style)
        # labels of near points stand over and under the next one
        for place, (point, across) in enumerate(places):
            below = place % 2 == 1
            axes.annotate(
                point.name,
                (across, point.low if below else point.high),
                (0, -4 if below else 4),
                textcoords="offset points",
                fontsize=8,
                ha="center",
                va="top" if below else "bottom",
            )
        front: list[tuple[float, float]] = []
        for point, across in places:
            if not front or point.score > front[-1][1]:
                front.append((across, point.score))
        axes.plot([place[0] for place in front], [place[1] for place in front], color=_FRONT, zorder=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.margins(x=0.18, y=0.12)
        axes.set(xlabel=title, ylabel="IoU, image mean" if number == 0 else "")
        axes.grid(alpha=0.3)
    save_figure(drawing, path)
    return True


def _point(row: StudyRow, runs: Sequence[StoredRun], test: str, timings: Mapping[str, Any]) -> _Point | None:
    found = figure(runs, test, "iou_fg_image_mean") if runs else None
    if found is None or row.of is not None:
        return None
    network = runs[0].facts["network"]
    parameters = row.parameters if network is None else network["parameters"]
    if parameters is None:
        return None
    timed = None if network is None else timings.get("networks", {}).get(network_key(network))
    return _Point(
        name=row.name,
        kind=_kind(row),
        score=found.mean,
        low=found.mean if found.low is None else found.low,
        high=found.mean if found.high is None else found.high,
        millions=parameters / 1e6,
        milliseconds=None if timed is None else timed["median_ms"],
    )


def _kind(row: StudyRow) -> str:
    if row.maps is not None:
        return "published"
    return "ours" if row.model is None or library_name(row.model) is None else "library"
