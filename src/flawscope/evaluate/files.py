"""The files of an evaluation: figures, one row an image, curves and pictures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flawscope.evaluate.diagrams import draw_sizes, draw_threshold_curve
from flawscope.evaluate.evaluation import Evaluation
from flawscope.evaluate.reliability_drawing import draw_reliability
from flawscope.metrics.threshold_curve import THRESHOLDS
from flawscope.outputs import write_json, write_text

EVALUATION_SCHEMA = "flawscope/evaluation/1"


def write_evaluation(evaluation: Evaluation, folder: str | Path) -> list[Path]:
    """Write ``evaluation.json``, ``per_image.csv`` and, for protocol ``standard``, curves as CSV and PNG.

    Curves of an earlier evaluation in the same folder are removed.

    Raises:
        OutputError: the folder cannot be written to.
    """
    root = Path(folder)
    for name in ("threshold_curve.csv", "threshold_curve.png", "detection_by_size.png", "reliability.png"):
        (root / name).unlink(missing_ok=True)
    content = {"schema": EVALUATION_SCHEMA, **evaluation.to_json()}
    written = [
        write_json(root / "evaluation.json", content),
        write_text(root / "per_image.csv", csv_text(evaluation.rows)),
    ]
    if evaluation.curve:
        points = [
            {
                "threshold": float(threshold),
                **{name: values[place] for name, values in evaluation.curve.items()},
            }
            for place, threshold in enumerate(THRESHOLDS)
        ]
        written.append(write_text(root / "threshold_curve.csv", csv_text(points)))
        written.append(draw_threshold_curve(evaluation, root / "threshold_curve.png"))
    if any(row["defects"] for row in evaluation.sizes):
        written.append(draw_sizes(evaluation, root / "detection_by_size.png"))
    if evaluation.reliability:
        written.append(draw_reliability(evaluation, root / "reliability.png"))
    return written


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV with a header; numbers to six decimals, nothing for None and for undefined figures."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(rows[0])
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}".rstrip("0").rstrip(".")
    return "" if value is None else value
