"""docs/promptable.md and the model cards show what the recorded measurement says."""

import importlib.util
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def renderer() -> Any:
    file = ROOT / "benchmarks" / "promptable_card.py"
    spec = importlib.util.spec_from_file_location("promptable_card", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_and_the_cards_are_what_the_json_renders_to() -> None:
    module = renderer()
    report = json.loads((ROOT / "benchmarks/results/promptable_models.json").read_text(encoding="utf-8"))
    assert module.page(report) == (ROOT / "docs/promptable.md").read_text(encoding="utf-8")
    for name in module.MODELS:
        card = ROOT / "src/flawscope/weights" / name / "README.md"
        assert module.card(name, report) == card.read_text(encoding="utf-8")
