"""Accuracy against size and against speed, for all networks of a study in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flawscope.evaluate.diagrams import new_figure, save_figure
from flawscope.study.comparing import figure
from flawscope.study.description import Study
from flawscope.study.tables import Finished
from flawscope.study.timing import network_key

_OURS, _OTHERS, _FRONT = "#1d3557", "#e76f51", "#adb5bd"


def draw_pareto(study: Study, finished: Finished, test: str, timings: Mapping[str, Any], path: Path) -> bool:
    """Draw image-mean IoU against parameters and, where they were timed, milliseconds; PNG.

    The grey line joins the networks that no smaller (faster) one beats.

    Returns:
        Whether there was anything to draw: two networks or more.
    """
    points = []
    for row in study.file.rows:
        runs = finished.get(row.name, ())
        found = figure(runs, test, "iou_fg_image_mean") if runs else None
        network = runs[0].facts["network"] if runs else None
        if found is not None and network is not None and row.model is not None:
            timed = timings.get("networks", {}).get(network_key(network))
            milliseconds = None if timed is None else timed["median_ms"]
            points.append((row, network["parameters"] / 1e6, milliseconds, found.mean))
    if len(points) < 2:
        return False
    sides = [("parameters, millions", [(point[0], point[1], point[3]) for point in points])]
    by_time = [(point[0], point[2], point[3]) for point in points if point[2] is not None]
    if len(by_time) > 1:
        sides.append(("milliseconds an image", by_time))
    drawing = new_figure(5.6 * len(sides), 4.4)
    for number, (title, places) in enumerate(sides):
        axes = drawing.add_subplot(1, len(sides), number + 1)
        for row, across, score in places:
            ours = ":" not in (row.model or "")
            axes.plot(across, score, "o" if ours else "s", color=_OURS if ours else _OTHERS, markersize=6)
            axes.annotate(row.name, (across, score), (5, 4), textcoords="offset points", fontsize=8)
        front, best = [], float("-inf")
        for _, across, score in sorted(places, key=lambda place: (place[1], -place[2])):
            if score > best:
                best = score
                front.append((across, score))
        axes.plot([place[0] for place in front], [place[1] for place in front], color=_FRONT, zorder=0)
        axes.set_xscale("log")
        axes.margins(x=0.18, y=0.12)
        axes.set(xlabel=title, ylabel="IoU, image mean" if number == 0 else "")
        axes.grid(alpha=0.3)
    save_figure(drawing, path)
    return True
