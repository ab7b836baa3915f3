"""docs/speed.md shows what the recorded measurement says."""

import importlib.util
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def renderer() -> Any:
    spec = importlib.util.spec_from_file_location("deployed_page", ROOT / "benchmarks" / "deployed_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_json_renders_to() -> None:
    report = json.loads((ROOT / "benchmarks/results/deployed.json").read_text(encoding="utf-8"))
    assert renderer().page(report) == (ROOT / "docs/speed.md").read_text(encoding="utf-8")
