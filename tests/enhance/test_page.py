"""docs/enhance.md says what the code and the benchmark say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flawscope.enhance import FILTERS, PRESETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "enhance.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def benchmark(script: Callable[[str], Any]) -> Any:
    return script("filter_bank")


def test_figures_are_the_recorded_ones(benchmark: Any) -> None:
    report = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    for table in (benchmark.rounds_table, benchmark.times_table, benchmark.wls_table):
        assert table(report) in PAGE
    assert report["round_of_default"]["median_cpu_ms"] <= 6


def test_parameters_are_the_code_s() -> None:
    rows = re.findall(r"^\| (`[\w-]+`)? ?\| (`\w+`)? ?\| ([\d.e-]*) ?\| ([^|]*)\|", PAGE, flags=re.MULTILINE)
    written: dict[str, dict[str, tuple[float, str]]] = {}
    name = ""
    for filter_name, parameter, default, limits in rows:
        name = filter_name.strip("`") or name
        written.setdefault(name, {})
        if parameter:
            written[name][parameter.strip("`")] = (float(default), limits.strip())
    expected = {}
    for name, kind in FILTERS.items():
        expected[name] = {}
        for parameter, limit in kind.limits.items():
            extra = ", odd" if limit.odd else ", whole" if limit.whole else ""
            default = float(kind.defaults[parameter])
            expected[name][parameter] = (default, f"{limit.low:g} to {limit.high:g}{extra}")
    assert written == expected


def test_banks_are_all_there() -> None:
    for name in PRESETS:
        assert f"| `{name}` |" in PAGE
    assert f"| `default` | {', '.join(PRESETS['default'].filters)} |" in PAGE
