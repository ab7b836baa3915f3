"""``docs/robustness.md`` shows the sheet as it is and the figures as they were recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

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
    for curves in recorded("robustness")["curves"]:
        table = PAGE.partition(f"`{curves['source']}`:\n\n")[2].partition("\n\n")[0]
        assert f"| untouched |  | {curves['untouched']['figures']['iou_fg_image_mean']:.3f} |" in table
        for degrees in curves["degradations"].values():
            for degree in degrees:
                loss = degree["loss"]["iou_fg_image_mean"]
                low, high = loss["interval_95"]
                iou = degree["figures"]["iou_fg_image_mean"]
                row = f"| {degree['strength']:g} | {iou:.3f} | {loss['value']:+.3f} | {low:+.3f} to {high:+.3f} |"
                assert row in table


@pytest.mark.parametrize("network", ["tiny", "nano"])
def test_the_temperatures(network: str) -> None:
    fitted = recorded(f"shipped_weights/probabilities_{network}")
    assert f"{fitted['temperature_stored']:.2f} for `ocinet-{network}`" in PAGE
    for name in ("ece", "mce"):
        figure = fitted["figures"][name]
        low, high = figure["intervals_95"]["change"]
        change = f"{figure['change']:+.4f} ({low:+.4f} to {high:+.4f})"
        assert f"| {figure['before']:.4f} | {figure['after']:.4f}; {change} |" in PAGE
    for material in ("steel", "tile"):
        trained = recorded(f"study/general/general-{network}-seed0")["tests"][material]["standard"]
        shipped = recorded(f"shipped_weights/{material}_{network}")
        for name in ("ece", "mce"):
            before, after = (with_interval(report, name) for report in (trained, shipped))
            assert f"| {before} | {after} |" in PAGE


def with_interval(report: Any, name: str) -> str:
    low, high = report["intervals_95"][name]
    return f"{report['figures'][name]:.4f} ({low:.4f} to {high:.4f})"


def test_the_temperature_leaves_the_masks() -> None:
    for network in ("tiny", "nano"):
        trained = recorded(f"study/general/general-{network}-seed0")["tests"]["steel"]["standard"]
        shipped = recorded(f"shipped_weights/steel_{network}")
        for part in ("figures", "figures_calibrated"):
            for name in ("iou_fg_image_mean", "iou_fg_pooled"):
                before, after = (report[part][name] for report in (trained, shipped))
                assert after == pytest.approx(before, abs=5e-4)  # the shipped files hold 16-bit weights
