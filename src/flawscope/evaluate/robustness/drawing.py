"""The sheet of curves: every degradation a panel, every segmenter a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.evaluate.diagrams import new_figure, save_figure
from flawscope.evaluate.robustness.sheet import SHEET, Degradation
from flawscope.evaluate.robustness.study import Curves, Degree

_COLOURS = ("#1d3557", "#e63946", "#2a9d8f", "#f4a261", "#9d4edd", "#6c757d")
_COLUMNS = 4
_ALARMS = (("false_alarm_area", "-"), ("drawn_false_alarm_area", "--"))


def draw_curves(several: Sequence[Curves], path: Path) -> Path:
    """IoU, image mean, against the strength of each degradation, below it false alarm areas if there are any; PNG.

    The band is the untouched figure less the 95 % interval of the loss.
    """
    names = [name for name in SHEET if any(curves.degrees.get(name) for curves in several)]
    kinds = ["iou"] + (["alarms"] if _any_alarm(several) else [])
    columns = min(_COLUMNS, max(1, len(names)))
    lines = -(-max(1, len(names)) // columns)
    figure = new_figure(3.2 * columns, 2.7 * lines * len(kinds) + 0.5)
    panels = figure.subplots(lines * len(kinds), columns, squeeze=False)
    for axes in panels.ravel():
        axes.set_visible(False)
    for number, name in enumerate(names):
        for block, kind in enumerate(kinds):
            axes = panels[block * lines + number // columns, number % columns]
            axes.set_visible(True)
            _panel(axes, several, SHEET[name], kind)
    first = panels[0, 0]
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
    return save_figure(figure, path)


def _panel(axes: Any, several: Sequence[Curves], degradation: Degradation, kind: str) -> None:
    # the untouched image stands where its strength belongs: left of all, or between weaker and stronger
    neutral = float(degradation.untouched) if degradation.untouched != "none" else None
    strengths = sorted(degradation.degrees, reverse=neutral is None)
    place = 0 if neutral is None else sum(strength < neutral for strength in strengths)
    ticks = [f"{strength:g}" for strength in strengths]
    ticks.insert(place, degradation.untouched)
    for number, curves in enumerate(several):
        colour = _COLOURS[number % len(_COLOURS)]
        found = {degree.strength: degree for degree in curves.degrees.get(degradation.name, [])}
        degrees: list[Degree | None] = [found.get(float(strength)) for strength in strengths]
        degrees.insert(place, curves.untouched)
        at = [x for x, degree in enumerate(degrees) if degree is not None]
        known = [degree for degree in degrees if degree is not None]
        if kind == "iou":
            _iou(axes, at, known, curves, colour)
        else:
            for name, style in _ALARMS:
                values = [degree.figures.get(name, np.nan) for degree in known]
                axes.plot(at, values, style, color=colour, marker="o", markersize=3)
    axes.set_xticks(range(len(ticks)), ticks, fontsize=8)
    axes.set_xlabel(degradation.title, fontsize=8)
    axes.set_ylabel("IoU, image mean" if kind == "iou" else "false alarm area", fontsize=8)
    axes.set_ylim(0, 1 if kind == "iou" else 1.05 * axes.get_ylim()[1])
    axes.tick_params(axis="y", labelsize=8)
    axes.axvline(place, color="#adb5bd", linewidth=0.8)
    axes.grid(alpha=0.25)


def _iou(axes: Any, at: list[int], degrees: list[Degree], curves: Curves, colour: str) -> None:
    name = "iou_fg_image_mean"
    values = [degree.figures[name] for degree in degrees]
    axes.plot(at, values, color=colour, marker="o", markersize=3, label=curves.source)
    whole = curves.untouched.figures[name]
    intervals = [degree.loss[name].interval if degree.loss else (0.0, 0.0) for degree in degrees]
    if all(interval is not None for interval in intervals):
        low = [whole - interval[1] for interval in intervals if interval is not None]
        high = [whole - interval[0] for interval in intervals if interval is not None]
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)


def _any_alarm(several: Sequence[Curves]) -> bool:
    return any(
        not np.isnan(curves.untouched.figures.get(name, np.nan)) for curves in several for name, _ in _ALARMS
    )
