"""docs/measuring.md says what the benchmark recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def test_figures_are_the_recorded_ones(script: Callable[[str], Any]) -> None:
    benchmark = script("measuring")
    report = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    assert benchmark.shapes_table(report) in page
    assert benchmark.repeatability_table(report) in page
    assert benchmark.network_table(report) in page
    assert f"`{report['network']['weights']}`" in page
    costs = report["costs"]
    assert f"{costs['bytes_a_defect']} bytes" in page
    assert costs["bytes_a_defect"] < costs["bytes_a_defect_as_contours"]


def test_figures_of_perimeters_are_the_recorded_ones(
    script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    benchmark = script("perimeter")
    report = benchmark.recorded()
    page = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    assert benchmark.errors_table(report) in page
    assert benchmark.floors_table(report) in page
    assert benchmark.oblong_table(report) in page
    for row in report["oblong"]:
        if row["pixel"][0] != row["pixel"][1]:
            assert abs(row["measured"]["bias"]) < 0.6 * abs(row["stretched"]["bias"])
    everything = report["errors"][-1]
    assert everything["kind"] == "all"
    assert everything["measured"]["beyond"] < everything["plain"]["beyond"] / 4
    assert abs(everything["measured"]["bias"]) < 0.1
