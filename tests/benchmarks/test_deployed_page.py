"""The page of exported networks renders what was measured before it knew of clean images, and what is now."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from flawscope.export import Parity

ROOT = Path(__file__).parents[2]
OLD = {
    "images": 60,
    "equal_labels": 0.999,
    "equal_decided": 1.0,
    "found": 0.0123,
    "labelled": 60,
    "iou_source": 0.7281,
    "iou_exported": 0.7257,
    "iou_drop_points": 0.24,
}
NEW = Parity(
    60, 1000, 0.1, 0.01, 0.999, 0.0123, 1.0, 1.0, 60, 0.7281, 0.7257, 0.0125, defective=19, recall=0.8
)


@pytest.fixture(scope="module")
def page() -> Any:
    spec = importlib.util.spec_from_file_location("deployed_page", ROOT / "benchmarks" / "deployed_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "deployed.json").read_text("utf-8"))
    return kept


def row(parity: dict[str, Any], **more: Any) -> dict[str, Any]:
    quantised = {"share_of_multiply_adds": 0.955}
    return {"parity": parity, "quantised": quantised, "bytes": 2**20, "images_of": "tile, test", **more}


def cells(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rows_of_before(page: Any, report: dict[str, Any]) -> None:
    text = page.page(report | {"export": {"nano-int8": row(OLD)}})
    assert cells(text, "nano-int8")[4:10] == ["1.230%", "", "", "0.7281", "0.7257", "0.24"]
    assert "clean images counted in their IoU" in text
    assert "int8 was calibrated on other images of tile, test (nano)." in text


def test_rows_of_now(page: Any, report: dict[str, Any]) -> None:
    told = row(NEW.to_json(), calibrated_on="training images of tile")
    rows = {"nano-int8": told, "nano-int8-tile": told | {"complaint": "too much is lost"}}
    text = page.page(report | {"export": {**rows, "nano-bf16": {"failed": "no"}}})
    assert cells(text, "nano-int8")[4:10] == ["1.230%", "1.250%", "19", "0.7281", "0.7257", "0.24"]
    assert cells(text, "nano-int8-tile")[1] == "60 of tile, test, refused"
    assert len(cells(text, "nano-bf16")) == len(cells(text, "export"))
    assert "clean images counted" not in text
    assert "on steel and on defective tiles apart" in text
    assert "int8 was calibrated on training images of tile (nano)." in text
