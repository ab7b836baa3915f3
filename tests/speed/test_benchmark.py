"""Timing in turns, the stages of one image, and the verb."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from flawscope.cli.app import run
from flawscope.nets.presets import preset
from flawscope.segment.header import Header
from flawscope.speed import STAGES, Timing, alternate
from flawscope.speed.floor import multiply_adds


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        values = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        PillowImage.fromarray(values).save(folder / f"{number}.png")
    return folder


def test_turns_alternate_and_warm_up_does_not_count() -> None:
    calls: list[str] = []
    turns: list[int] = []
    timings = alternate(
        {"a": lambda: calls.append("a"), "b": lambda: (calls.append("b"), time.sleep(0.002))},
        4,
        warm_up=2,
        on_turn=lambda: turns.append(len(calls)),
    )
    assert calls == ["a", "b"] * 6
    assert turns == [2, 4, 6, 8, 10, 12]
    assert timings["a"].repeats == timings["b"].repeats == 4
    assert timings["b"].least >= 0.002 > timings["a"].median


def test_a_timing() -> None:
    timing = Timing.of([0.001 * number for number in range(1, 12)])
    assert timing.to_json() == {
        "median_ms": 6.0,
        "min_ms": 1.0,
        "p10_ms": 2.0,
        "p90_ms": 10.0,
        "repeats": 11,
    }


def test_multiply_adds_are_those_of_the_table_at_another_size() -> None:
    full = preset("ocinet")
    assert multiply_adds(Header(model="ocinet", imgsz=(352, 352), labels=("a",))) == full.multiply_adds
    twice = multiply_adds(Header(model="ocinet", imgsz=(704, 352), labels=("a",)))
    assert twice == 2 * full.multiply_adds
    assert multiply_adds(Header(model="stranger", imgsz=(32, 32), labels=("a",))) is None
    assert multiply_adds(Header(model="ocinet", options={"width": 64}, imgsz=(32, 32), labels=("a",))) is None


def test_the_verb(pictures: Path, tmp_path: Path, bright_weights: Callable[..., Path]) -> None:
    report = tmp_path / "speed.json"
    small, large = bright_weights("small"), bright_weights("large", imgsz=(512, 512))
    arguments = ["benchmark", pictures, "-w", small, "-w", large, "--repeats", 5, "--json", report]
    assert run(list(map(str, arguments))) == 0
    told = json.loads(report.read_text())
    assert told["schema"] == "flawscope/benchmark/1"
    first, second = told["networks"].values()
    assert (first["imgsz"], second["imgsz"]) == ([32, 32], [512, 512])
    assert first["times_as_fast_as_first"] == 1
    assert second["times_as_fast_as_first"] < 0.5
    assert list(first["stages"]) == list(STAGES)
    assert first["predict"]["images"] == 4
    share = first["predict"]["images_per_second"] * first["network"]["median_ms"] / 1e3
    assert first["predict"]["share_of_network_rate"] == pytest.approx(share, abs=0.02)
    assert first["floor"] is None


def test_the_floor_of_a_network_of_the_table(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    report = tmp_path / "speed.json"
    assert run(["benchmark", "--repeats", "2", "--threads", "1", "--json", str(report)]) == 0
    (told,) = json.loads(report.read_text())["networks"].values()
    floor = told["floor"]
    assert floor["ms"] == pytest.approx(1e3 * floor["multiply_adds"] / floor["peak_per_second"], rel=1e-3)
    assert 0 < floor["ms"] < told["network"]["median_ms"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["-w", "nothing.onnx"], "nothing.onnx: no such weights"),
        (["missing"], "missing: no such file or folder"),
    ],
)
def test_bad_input(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["benchmark", "--repeats", "1", *arguments]) == 2
    assert line in capsys.readouterr().err
