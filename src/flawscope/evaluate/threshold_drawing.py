"""The picture of a trade-off: both rates with their intervals against the threshold."""

from __future__ import annotations

from pathlib import Path

from flawscope.evaluate.diagrams import new_figure, save_figure
from flawscope.evaluate.threshold_looks import GRID
from flawscope.evaluate.threshold_tradeoff import Tradeoff


def draw_tradeoff(
    tradeoff: Tradeoff, path: Path, *, chosen: float | None = None, wanted: tuple[str, float] | None = None
) -> Path:
    """Escape and overkill rate with 95 % bands against the threshold; PNG.

    Args:
        tradeoff: both rates.
        path: the file.
        chosen: a threshold to mark.
        wanted: name and value of the rate that was asked for.
    """
    figure = new_figure(8.0, 4.6)
    axes = figure.subplots()
    for rate, colour, line, title in (
        (tradeoff.escape, "#c1121f", "-", "escape (defective, passed)"),
        (tradeoff.overkill, "#1d3557", "--", "overkill (sound, rejected)"),
    ):
        if rate.pieces:
            axes.fill_between(GRID, rate.low, rate.high, step="post", color=colour, alpha=0.15, linewidth=0)
            label = f"{title}\n{rate.pieces} pieces"
            axes.step(GRID, rate.value, where="post", linestyle=line, color=colour, label=label)
    if wanted is not None:
        label = f"wanted: {wanted[0]} {wanted[1]:g}"
        axes.axhline(wanted[1], color="#6c757d", linewidth=1, linestyle=":", label=label)
    if chosen is not None:
        axes.axvline(chosen, color="#212529", linewidth=1, label=f"threshold {chosen:g}")
    # a line at 0.999 would lie under the frame
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.01, 1.02), xlabel="threshold", ylabel="share of the pieces")
    axes.set_title(
        f"{tradeoff.seen.source} on {tradeoff.seen.data} ({len(tradeoff.seen.looks)} images); bands: 95 %",
        fontsize=10,
    )
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    return save_figure(figure, path)
