"""docs/measuring.md says what the benchmark recorded."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_figures_are_the_recorded_ones() -> None:
    spec = importlib.util.spec_from_file_location("measuring", ROOT / "benchmarks" / "measuring.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    report = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    assert benchmark.shapes_table(report) in page
    assert benchmark.repeatability_table(report) in page
    costs = report["costs"]
    assert f"{costs['bytes_a_defect']} bytes" in page
    assert costs["bytes_a_defect"] < costs["bytes_a_defect_as_contours"]
