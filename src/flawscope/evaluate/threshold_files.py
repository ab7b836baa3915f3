"""The files of a trade-off: JSON, the curve as CSV, and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flawscope.evaluate.files import csv_text
from flawscope.evaluate.threshold_drawing import draw_tradeoff
from flawscope.evaluate.threshold_looks import GRID
from flawscope.evaluate.threshold_tradeoff import Tradeoff
from flawscope.outputs import write_json, write_text

TRADEOFF_SCHEMA = "flawscope/threshold/1"


def write_tradeoff(
    tradeoff: Tradeoff,
    report: Mapping[str, Any],
    folder: str | Path,
    *,
    chosen: float | None = None,
    wanted: tuple[str, float] | None = None,
) -> list[Path]:
    """Write ``threshold.json``, ``threshold_tradeoff.csv`` and ``threshold_tradeoff.png``.

    Raises:
        OutputError: the folder cannot be written to.
    """
    root = Path(folder)
    rows = []
    for place, threshold in enumerate(GRID):
        row = {"threshold": float(threshold)}
        for rate in (tradeoff.escape, tradeoff.overkill):
            row |= {
                f"{rate.name}_rate": float(rate.value[place]),
                f"{rate.name}_low_95": float(rate.low[place]),
                f"{rate.name}_high_95": float(rate.high[place]),
                f"{rate.name}_at_most_95": float(rate.at_most[place]),
            }
        rows.append(row)
    return [
        write_json(root / "threshold.json", {"schema": TRADEOFF_SCHEMA, **report}),
        write_text(root / "threshold_tradeoff.csv", csv_text(rows)),
        draw_tradeoff(tradeoff, root / "threshold_tradeoff.png", chosen=chosen, wanted=wanted),
    ]
