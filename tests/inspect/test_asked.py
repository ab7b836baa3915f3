"""Judging that measures only what rules ask about: the same values, the same verdicts, less work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.inspect import measure as measuring
from flawscope.inspect.asked import AskedDefect
from flawscope.inspect.calibration import Calibration
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.measure import measure
from flawscope.inspect.rule_reading import read_rules
from flawscope.results import Defect, InspectionResult, find_defects

OBLONG = Calibration(id="line", mm_per_px_x=0.1, mm_per_px_y=0.3)


def regions(seed: int) -> tuple[Any, Any, tuple[Defect, ...]]:
    rng = np.random.default_rng(seed)
    coarse = rng.random((8, 10)) < 0.3
    mask = np.kron(coarse, np.ones((4, 5))).astype(np.uint8)
    image = rng.integers(0, 255, mask.shape, dtype=np.uint8)
    probability = rng.random((1, *mask.shape), dtype=np.float32)
    return image, mask, find_defects(mask, ("a",), probability)


@pytest.mark.parametrize("calibration", [None, OBLONG, Calibration(id="b", mm_per_px_x=0.2, mm_per_px_y=0.2)])
def test_what_is_asked_is_what_results_say(calibration: Calibration | None) -> None:
    image, _, defects = regions(1)
    for defect in defects:
        told = {**defect.to_json(), **measure(defect, image, calibration).to_json()}
        asked = AskedDefect(defect, image, calibration)
        assert {name: asked[name] for name in told} == told
        assert set(told) <= set(asked)
        with pytest.raises(KeyError):
            asked["colour"]


RULES = (
    "rules:\n  - {name: a, length_px: {min: 9}, width_max_px: {max: 6}, then: reject}\n",
    "rules:\n  - {name: a, perimeter_mm: {min: 20}, orientation_deg: {min: 20, max: 160}, then: review}\n",
    "rules:\n  - {name: a, length_mm: {min: 1}, count: {min: 3}, then: reject}\n",
    "rules:\n  - {name: a, area_px: {min: 200}, count: {max: 0}, then: reject}\n",
    "rules:\n  - {name: a, contrast: {min: 0.01}, then: accept}\ndefault: review\n",
    "rules:\n  - {name: a, count_per_metre: {min: 500, window_m: 0.005}, then: reject}\n",
)


@pytest.mark.parametrize("text", RULES)
def test_the_verdict_is_that_of_looking_at_everything(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    inspector = Inspector(read_rules(tmp_path / "r.yaml"), OBLONG)
    said = set()
    for seed in range(12):
        image, mask, defects = regions(seed)
        kept = defects[: 1 + seed % 4]
        looked, _ = inspector.look(InspectionResult("x", mask, ("a",), kept), image)
        accepted = looked.extra["verdict"]["outcome"] == "accept"
        assert inspector.accepts(kept, image) == accepted
        said.add(accepted)
    assert said == {True, False}


def test_nothing_is_measured_that_no_rule_asks_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, _, defects = regions(2)
    assert len(defects) > 3
    shapes: list[Any] = []

    def counted(*given: Any) -> Any:
        shapes.append(given)
        return original(*given)

    original = measuring.Shape
    monkeypatch.setattr(measuring, "Shape", counted)
    monkeypatch.setattr(measuring, "contrast_of", lambda *_: pytest.fail("nobody asked for the contrast"))
    for text, expected in (
        ("area_px: {min: 5000}", 0),
        ("area_px: {min: 5000}, length_px: {min: 1}", 0),  # none is so large: no length is needed
        ("length_px: {min: 1}", 1),  # the first one settles it
        ("length_px: {min: 5000}", len(defects)),
    ):
        shapes.clear()
        (tmp_path / "r.yaml").write_text(f"rules:\n  - {{name: a, {text}, then: reject}}\n", encoding="utf-8")
        inspector = Inspector(read_rules(tmp_path / "r.yaml"))
        assert inspector.accepts(defects, image) == (expected != 1)
        assert len(shapes) == expected
