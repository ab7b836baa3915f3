"""docs/promptable.md and the model cards show what the recorded measurement says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_the_page_and_the_cards_are_what_the_json_renders_to(script: Callable[[str], Any]) -> None:
    module = script("promptable_card")
    report = json.loads((ROOT / "benchmarks/results/promptable_models.json").read_text(encoding="utf-8"))
    assert module.page(report) == (ROOT / "docs/promptable.md").read_text(encoding="utf-8")
    for name in module.MODELS:
        card = ROOT / "src/flawscope/weights" / name / "README.md"
        assert module.card(name, report) == card.read_text(encoding="utf-8")
