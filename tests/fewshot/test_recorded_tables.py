"""docs/few-shot.md shows what the recorded studies say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables(script: Callable[[str], Any]) -> Any:
    return script("fewshot_tables")


def test_the_page_is_what_the_json_renders_to(tables: Any) -> None:
    text = (ROOT / "docs" / "few-shot.md").read_text(encoding="utf-8")
    assert tables.fill(text, tables.load()) == text


def test_a_report_as_tables(tables: Any) -> None:
    def line(label: str, mean: float, sd: float | None, oracle: bool) -> dict[str, Any]:
        figure = {"mean": mean, "sd": sd}
        return {
            "label": label,
            "rows": 2,
            "oracle": oracle,
            "stands_for_method": not oracle,
            "manifests": ["m"],
            "figures": dict.fromkeys(tables.FIGURES, figure),
            "classes": {"bar": {"iou_image_mean": mean}},
            "seconds_learning": 12.4,
            "seconds_a_query": 0.25,
        }

    report = {
        "settings": {"segmenter": "regions", "prompted": False, "shots": 5, "classes": []},
        "seeds": 2,
        "choice": "likeness",
        "lines": [line("raw", 0.1, None, False), line("td3, oracle (uses the true mask)", 0.2, 0.01, True)],
        "differences": [
            {
                "line": "raw",
                "against": "cma, last",
                "difference": 0.1,
                "interval_95": [0.0, 0.2],
                "excludes_zero": False,
            }
        ],
        "gap_closed": [],
        "failures": ["m--td3--seed1: no"],
    }
    text = tables.render({"fewshot-x": report})
    assert "### regions, 5-shot" in text
    assert "| raw | 2 | 0.100 | 0.100 | 0.100 | 0.100 | 12 | 250 |" in text
    assert "| td3, oracle (uses the true mask) | 2 | 0.200 ± 0.010 |" in text
    assert "against" not in text  # raw is compared with nothing
    assert "Not measured: m--td3--seed1: no." in text
