"""docs/speed.md shows what the recorded measurement says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_json_renders_to(script: Callable[[str], Any]) -> None:
    report = json.loads((ROOT / "benchmarks/results/deployed.json").read_text(encoding="utf-8"))
    assert script("deployed_page").page(report) == (ROOT / "docs/speed.md").read_text(encoding="utf-8")
