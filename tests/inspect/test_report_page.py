"""docs/report.md says what the benchmark recorded, and the page is small and quick enough to be opened."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fcntl")

ROOT = Path(__file__).parents[2]


def test_figures_are_the_recorded_ones(script: Callable[[str], Any]) -> None:
    benchmark = script("report_page")
    report = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    assert benchmark.page_text(report) in (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert report["defects"] == 10_000
    assert report["page_mib"] < 20
    assert report["times"]["usable_ms"] < 5000


def test_the_drawn_defects_are_as_many_as_said(script: Callable[[str], Any]) -> None:
    import numpy as np

    from flawscope.results import find_defects

    benchmark = script("report_page")
    rng = np.random.default_rng(3)
    for _ in range(5):
        image, mask = benchmark.draw(rng)
        assert image.shape == (*mask.shape, 3)
        assert len(find_defects(mask, benchmark.LABELS)) == benchmark.ACROSS * benchmark.DOWN
