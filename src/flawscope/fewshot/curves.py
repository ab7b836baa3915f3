"""Return curves of agents as SVG (the paper's Figs. 3 to 6)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError

Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Steps, and the return of the episode that ended there."""

_WINDOW = 25


def read_curve(file: Path) -> Curve:
    """The returns in an ``episodes.csv``; raises DataError."""
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            rows = [(float(row["step"]), float(row["return"])) for row in csv.DictReader(opened)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "not a return curve", where=file, remedy="Leave the run folder as it was made"
        ) from error
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def smooth(values: npt.NDArray[np.float64], window: int = _WINDOW) -> npt.NDArray[np.float64]:
    """Mean of each value and those before it, ``window`` at most."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    means: npt.NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def draw_curves(title: str, curves: Sequence[tuple[str, Curve]]) -> str:
    """An SVG document: the smoothed returns of several trainings against their steps."""
    # a Figure without pyplot needs no display and leaves no global state
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "flawscope", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for name, (steps, returns) in curves:
            axes.plot(steps, smooth(returns), linewidth=1.3, label=name)
        axes.set(xlabel="steps", ylabel=f"return, mean of {_WINDOW} episodes")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.25)
        if curves:
            axes.legend(frameon=False, fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
