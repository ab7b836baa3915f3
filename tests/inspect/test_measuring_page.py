"""docs/measuring.md says what the benchmark recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_figures_are_the_recorded_ones(script: Callable[[str], Any]) -> None:
    benchmark = script("measuring")
    report = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    assert benchmark.shapes_table(report) in page
    assert benchmark.repeatability_table(report) in page
    costs = report["costs"]
    assert f"{costs['bytes_a_defect']} bytes" in page
    assert costs["bytes_a_defect"] < costs["bytes_a_defect_as_contours"]
