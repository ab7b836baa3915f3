"""``docs/robustness.md`` shows the sheet as it is and the figures as they were recorded."""

import json
from pathlib import Path
from typing import Any

from flawscope.evaluate.robustness import SHEET
from flawscope.images import read_image

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")


def recorded(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def test_the_sheet() -> None:
    for name, one in SHEET.items():
        (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
        assert line.endswith(f"| {', '.join(f'{degree:g}' for degree in one.degrees)} |")
    assert read_image(ROOT / "docs" / "pictures" / "degradations.png").shape[0] % len(SHEET) == 0


def test_the_losses() -> None:
    (curves,) = recorded("robustness")["curves"]
    assert f"| untouched |  | {curves['untouched']['figures']['iou_fg_image_mean']:.3f} |" in PAGE
    for degrees in curves["degradations"].values():
        for degree in degrees:
            loss = degree["loss"]["iou_fg_image_mean"]
            low, high = loss["interval_95"]
            iou = degree["figures"]["iou_fg_image_mean"]
            row = f"| {degree['strength']:g} | {iou:.3f} | {loss['value']:+.3f} | {low:+.3f} to {high:+.3f} |"
            assert row in PAGE


def test_the_temperature() -> None:
    found = recorded("probabilities")
    assert f"temperature {found['fitted']['temperature']:.3f}:" in PAGE
    for name in ("ece", "mce"):
        figure = found["fitted"]["figures"][name]
        low, high = figure["intervals_95"]["change"]
        assert f"{figure['before']:.4f}" in PAGE
        assert f"{figure['change']:+.4f} ({low:+.4f} to {high:+.4f})" in PAGE
        for when in ("before", "after"):
            tested = found[f"test_{when}"]
            low, high = tested["intervals_95"][name]
            assert f"{tested['figures'][name]:.4f} ({low:.4f} to {high:.4f})" in PAGE
    before, after = found["test_before"], found["test_after"]
    assert before["figures"]["iou_fg_image_mean"] == after["figures"]["iou_fg_image_mean"]
    assert before["figures_calibrated"] == after["figures_calibrated"]
