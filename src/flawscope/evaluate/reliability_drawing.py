"""The reliability diagram: how often a probability is right, against the probability."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flawscope.evaluate.diagrams import new_figure, save_figure
from flawscope.evaluate.evaluation import Evaluation
from flawscope.metrics.reliability import BINS


def draw_reliability(evaluation: Evaluation, path: Path) -> Path:
    """True share against mean probability of each bin, for any defect and each class, above its pixels; PNG.

    A calibrated answer lies on the diagonal; below it, probabilities are too high.
    """
    figure = new_figure(5.6, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot((0, 1), (0, 1), color="#adb5bd", linewidth=1, label="calibrated")
    for number, row in enumerate(evaluation.reliability):
        label = f"{row['class']}: ECE {row['ece']:.4f}, MCE {row['mce']:.3f}"
        style = {"color": "#1d3557", "linewidth": 2} if number == 0 else {"linewidth": 1, "linestyle": "--"}
        filled = np.asarray(row["pixels"]) > 0
        upper.plot(
            np.asarray(row["mean_probability"])[filled],
            np.asarray(row["true_share"])[filled],
            marker="o",
            markersize=4,
            label=label,
            **style,
        )
    pixels = np.asarray(evaluation.reliability[0]["pixels"])
    lower.bar((np.arange(BINS) + 0.5) / BINS, pixels, width=0.9 / BINS, color="#a8c5da")
    lower.set_yscale("symlog", linthresh=1)
    lower.set(xlim=(0, 1), xlabel="probability", ylabel="pixels")
    upper.set(ylim=(-0.02, 1.02), ylabel="share that truly is defect")
    upper.set_title(f"{evaluation.source} on {evaluation.data}", fontsize=10)
    upper.grid(alpha=0.25)
    upper.legend(loc="upper left", frameon=False, fontsize=8)
    return save_figure(figure, path)
