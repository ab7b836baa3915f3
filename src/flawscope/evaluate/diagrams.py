"""The diagrams of an evaluation: figures against the threshold, and detection against size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flawscope.evaluate.evaluation import Evaluation
from flawscope.metrics.threshold_curve import THRESHOLDS
from flawscope.outputs import atomic


def draw_threshold_curve(evaluation: Evaluation, path: Path) -> Path:
    """IoU, precision and recall, and the factory's two rates, against the threshold; PNG."""
    figure = new_figure(8.0, 4.6)
    axes = figure.subplots()
    lines = {
        "iou_fg_image_mean": ("IoU, image mean", "#1d3557", "-"),
        "iou_fg_pooled": ("IoU, pooled", "#1d3557", ":"),
        "precision_fg": ("precision, pooled", "#e63946", "-"),
        "recall_fg": ("recall, pooled", "#2a9d8f", "-"),
        "escape_rate": ("escape rate", "#f4a261", "--"),
        "overkill_rate": ("overkill rate", "#9d4edd", "--"),
    }
    for name, (title, colour, style) in lines.items():
        values = np.asarray(evaluation.curve[name], dtype=np.float64)
        if not np.isnan(values).all():
            axes.plot(THRESHOLDS, values, style, color=colour, label=title)
    marks = {
        "headline": float(evaluation.settings["threshold"]),
        "calibrated": evaluation.calibrated_threshold,
    }
    for (title, place), colour in zip(marks.items(), ("#495057", "#adb5bd"), strict=True):
        if place is not None:
            axes.axvline(place, color=colour, linewidth=1, label=f"{title} threshold {place:.2f}")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold", ylabel="share")
    axes.set_title(
        f"{evaluation.source} on {evaluation.data} ({evaluation.whole.images} images)", fontsize=10
    )
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    return save_figure(figure, path)


def draw_sizes(evaluation: Evaluation, path: Path) -> Path:
    """Share of true defects found in each class of size, with Wilson's 95 % interval; PNG."""
    rows = [row for row in evaluation.sizes if row["defects"]]
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for place, row in enumerate(rows):
        low, high = row["interval"]
        axes.bar(place, row["probability"], width=0.7, color="#a8c5da")
        axes.vlines(place, low, high, color="#1d3557", linewidth=2)
        axes.text(place, 1.04, f"{row['found']}/{row['defects']}", ha="center", fontsize=9)
    names = [
        f"{row['from_px']}+" if row["below_px"] is None else f"{row['from_px']}-{row['below_px'] - 1}"
        for row in rows
    ]
    axes.set_xticks(range(len(rows)), names)
    axes.set(ylim=(0, 1.12), xlabel="area of the true defect in pixels", ylabel="share found")
    axes.set_title(f"{evaluation.source} on {evaluation.data}", fontsize=10)
    return save_figure(figure, path)


def new_figure(width: float, height: float) -> Any:
    """An empty figure of that many inches."""
    # a Figure without pyplot needs no display and leaves no global state
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Any, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path
