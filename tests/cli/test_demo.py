"""The first command that anybody runs, and the one that examines the installation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import read_image
from flawscope.segment import loading

Weights = Callable[..., Path]


def test_demo_from_nothing_to_a_page(
    tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    arguments = ["demo", "--out", str(out), "--images", "4", "--weights", str(bright_weights())]
    assert run([*arguments, "--json", str(tmp_path / "demo.json")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str((out / "report.html").resolve())
    assert sum(line.startswith("drawn_") for line in said) == 4
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "Flawscope demo" in text
    assert text.count('<li id="image-') == 4

    report = json.loads((tmp_path / "demo.json").read_text())
    assert (report["schema"], report["images"], report["failed"]) == ("flawscope/demo/1", 4, 0)
    for name, overlap in report["overlap_iou"].items():
        truth = read_image(out / "truth" / name)[:, :, 0] > 0
        mask = read_image(out / "masks" / name)[:, :, 0] > 0
        union = np.logical_or(truth, mask).sum()
        expected = np.logical_and(truth, mask).sum() / union if union else None
        assert overlap == (None if expected is None else pytest.approx(expected))


def test_demo_again_begins_again_with_other_images(tmp_path: Path, bright_weights: Weights) -> None:
    common = ["demo", "--out", str(tmp_path / "demo"), "--weights", str(bright_weights())]
    assert run([*common, "--images", "3"]) == 0
    first = (tmp_path / "demo" / "images" / "drawn_001.png").read_bytes()
    assert run([*common, "--images", "2", "--seed", "5"]) == 0
    assert len(list((tmp_path / "demo" / "images").iterdir())) == 2
    assert len(list((tmp_path / "demo" / "masks").iterdir())) == 2
    assert (tmp_path / "demo" / "images" / "drawn_001.png").read_bytes() != first


@pytest.mark.parametrize("stranger", ["notes.txt", "results.jsonl", "images/mine.png"])
def test_demo_leaves_folders_of_others_alone(
    tmp_path: Path, bright_weights: Weights, stranger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / stranger).parent.mkdir(parents=True)
    (tmp_path / "out" / stranger).write_text('{"source": "a.png", "key": "a", "defects": []}\n')
    assert run(["demo", "--out", str(tmp_path / "out"), "--weights", str(bright_weights())]) == 2
    assert "the folder is not empty, and not an earlier demo" in capsys.readouterr().err
    assert [str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")] == [stranger]


def test_demo_needs_nothing_of_the_extras(
    tmp_path: Path, bright_weights: Weights, without: Callable[..., str]
) -> None:
    extras = ("torch", "torchvision", "timm", "lightning", "torchmetrics", "onnx", "onnxscript")
    more = ("openvino", "nncf", "pyarrow", "skimage", "sklearn", "imagecodecs")
    script = without(*extras, *more) + "from flawscope.cli import main; main()"
    arguments = ["demo", "--out", str(tmp_path / "demo"), "--images", "2", "--weights", str(bright_weights())]
    ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Path(ran.stdout.splitlines()[-1]).is_file()


def test_shipped_weights_find_drawn_defects(tmp_path: Path) -> None:
    if "ocinet-tiny" not in loading.shipped_weights():
        pytest.skip("the shipped weights are not in this checkout")
    assert run(["demo", "--out", str(tmp_path / "demo"), "--json", str(tmp_path / "demo.json")]) == 0
    report = json.loads((tmp_path / "demo.json").read_text())
    assert (report["images"], report["failed"], report["weights"]) == (12, 0, "ocinet-tiny")
    assert sum(report["defects"].values()) > 0


def test_doctor_on_a_sound_installation(
    bright_weights: Weights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "shipped_weights", lambda: {"ocinet-tiny": bright_weights()})
    assert run(["doctor", "--json", "-"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["problems"] == []
    assert report["weights"][0]["labels"] == ["bright"]
    assert report["packages"]["base"]["numpy"] == np.__version__
    assert "torch" in report["packages"]["train"]
    assert "pytest" not in str(report["packages"])
    assert report["self_test"]["error"] is None
    assert report["self_test"]["milliseconds"] > 0
    assert "Everything the base install needs works." in said.err


def test_doctor_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "shipped_weights", dict)
    assert run(["doctor"]) == 2
    assert "problem: no weights are shipped in this installation" in capsys.readouterr().out

    (tmp_path / "torn.onnx").write_bytes(b"half a file")
    monkeypatch.setattr(loading, "shipped_weights", lambda: {"ocinet-tiny": tmp_path / "torn.onnx"})
    assert run(["doctor"]) == 2
    said = capsys.readouterr().out
    assert "problem: weights 'ocinet-tiny': " in said
    assert "not loadable as an ONNX network" in said
