"""``flawscope export`` of an enhancer: a folder that moves to another machine and says the same without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from flawscope.cli.app import run
from flawscope.enhance.presets import bank
from flawscope.images import read_image
from flawscope.sdie.artefact import WEIGHTS, load_artefact, save_artefact
from flawscope.sdie.artefact_description import DESCRIPTION
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.reopening import SUPPORT
from flawscope.segment.support import SupportModel

HALF = np.array([0.5, 0.5])
MARKS = np.zeros((48, 64), np.uint8)
MARKS[10:30, 20:50] = 1


def picture(seed: int = 0) -> np.ndarray:
    grey = np.random.default_rng(seed).normal(90 + 80 * MARKS, 15).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, 2)


def enhancer(folder: Path, segmenter: str | None, *, prompted: bool = False) -> Path:
    """An artefact that mixes two filters and keeps the last of two rounds."""
    return save_artefact(
        folder,
        ConstantPolicy(HALF),
        bank(filters=("identity", "unsharp")),
        preset="cma",
        rounds=2,
        segmenter=segmenter,
        support=SupportModel.fit([picture()], [MARKS]) if prompted else None,
        use=("mask",),
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in (1, 2):
        PillowImage.fromarray(picture(seed)).save(folder / f"{seed}.png")
    return folder


def export(weights: Path, out: Path, *more: str | Path) -> int:
    return run(["export", "--weights", str(weights), "--out", str(out), "--images", "2", *map(str, more)])


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def segmented(folder: Path, image: Path) -> np.ndarray:
    return load_artefact(folder, "cpu").segment(read_image(image)).probability


@pytest.mark.parametrize(
    ("segmenter", "prompted", "expected"),
    [
        ("regions", False, [WEIGHTS, DESCRIPTION]),
        ("regions", True, [WEIGHTS, DESCRIPTION, SUPPORT]),
        ("prototype", True, [WEIGHTS, DESCRIPTION, SUPPORT]),
    ],
)
def test_without_a_network_the_files_are_copied(
    segmenter: str, prompted: bool, expected: list[str], tmp_path: Path, images: Path
) -> None:
    folder = enhancer(tmp_path / "mine", segmenter, prompted=prompted)
    (folder / "episodes.csv").touch()  # what a training leaves beside is left behind
    out, report = tmp_path / "deep" / "out", tmp_path / "report.json"
    assert export(folder, out, "--data", images, "--json", report) == 0
    assert files(out) == expected
    assert files(out.parent) == ["out"]
    told = json.loads(report.read_text())
    assert (told["parity"]["images"], told["parity"]["equal_labels"], told["network"]) == (2, 1.0, None)
    assert told["bytes"] == sum(file.stat().st_size for file in out.iterdir())
    before = segmented(folder, images / "1.png")
    shutil.rmtree(folder)
    assert before.max() > 0.5
    np.testing.assert_array_equal(segmented(out, images / "1.png"), before)


def test_a_network_that_is_onnx_travels_inside_without_torch(
    tmp_path: Path, images: Path, bright_weights: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Path(shutil.copy(bright_weights(), tmp_path / "bright.onnx"))
    monkeypatch.chdir(tmp_path)
    folder = enhancer(tmp_path / "mine", "bright.onnx")
    monkeypatch.chdir("/")
    before = segmented(folder, images / "1.png")
    command = ["export", "--weights", str(folder), "--out", str(tmp_path / "out"), "--data", str(images)]
    script = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'stable_baselines3'): sys.modules[name] = None\n"
        "from flawscope.cli import main; main()"
    )
    subprocess.run([sys.executable, "-c", script, *command], check=True, capture_output=True)
    assert files(tmp_path / "out") == ["bright.onnx", WEIGHTS, DESCRIPTION]
    assert json.loads((tmp_path / "out" / DESCRIPTION).read_text())["segmenter"] == "network:bright.onnx"
    shutil.rmtree(folder)
    network.unlink()
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    assert before.max() > 0.5
    np.testing.assert_array_equal(segmented(moved, images / "1.png"), before)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with an ``ocinet-nano`` of seeded weights."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    pytest.importorskip("onnxscript")
    from flawscope.segment.header import Header
    from flawscope.segment.network import build_network, save_safetensors

    torch.manual_seed(1)
    header = Header(model="ocinet-nano", imgsz=(64, 64), labels=("pit",), threshold=0.5)
    folder = tmp_path_factory.mktemp("runs") / "steel"
    save_safetensors(build_network(header), header, folder / "weights" / "best.safetensors")
    return folder


@pytest.mark.slow
@pytest.mark.train
def test_a_trained_network_is_exported_into_the_folder(
    run_folder: Path, tmp_path: Path, images: Path
) -> None:
    folder = enhancer(tmp_path / "mine", str(run_folder))
    out, report = tmp_path / "out", tmp_path / "report.json"
    assert export(folder, out, "--data", images, "--no-half", "--json", report) == 0
    assert files(out) == [WEIGHTS, DESCRIPTION, "steel-best.onnx"]
    told = json.loads(report.read_text())
    assert told["network"]["path"] == str(out / "steel-best.onnx")
    assert told["network"]["bytes"] == (out / "steel-best.onnx").stat().st_size
    assert told["network"]["half"] is False
    assert told["network"]["parity"]["equal_labels"] >= 0.999
    before, after = segmented(folder, images / "2.png"), segmented(out, images / "2.png")
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert np.ptp(before) > 0


def test_a_folder_that_says_something_else_gets_no_name(
    tmp_path: Path,
    images: Path,
    bright_weights: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from flawscope.cli import export_enhancer

    coarse = bright_weights("coarse", imgsz=(2, 2))
    folder = enhancer(tmp_path / "mine", str(bright_weights()))
    monkeypatch.setattr(
        export_enhancer, "_network", lambda weights, file, **rest: shutil.copyfile(coarse, file) and None
    )
    assert export(folder, tmp_path / "out", "--data", images) == 2
    assert "of the pixels keep their label after export" in capsys.readouterr().err
    assert files(tmp_path) == ["images", "mine"]


def test_missing_weights_are_not_blamed_on_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(tmp_path / "missing", tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'missing'}: no such weights")


def test_what_cannot_be_exported_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = enhancer(tmp_path / "mine", "regions"), tmp_path / "out"

    def refused(line: str, target: Path = out, **changes: str | None) -> None:
        copy = shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)
        described = json.loads((folder / DESCRIPTION).read_text()) | changes
        (copy / DESCRIPTION).write_text(json.dumps(described))
        before = files(tmp_path)
        assert export(copy, target) == 2
        said = capsys.readouterr().err
        assert line in said
        assert said.count("\n") == 1
        assert files(tmp_path) == before

    refused("its policy is the paper's ResNet-18, which runs on torch alone", policy="resnet18")
    refused("'promptable:no-steel' runs on torch alone. Where torch is", segmenter="promptable:no-steel")
    refused("its segmenter 'sam:/models/sam' runs on torch alone", segmenter="sam:/models/sam")
    refused("names no segmenter. Write one there", segmenter=None)
    refused("its segmenter '/gone.onnx' is not there. Bring it back", segmenter="/gone.onnx")
    refused("the folder is not empty. Choose a new one", target=folder)
    refused("an enhancer is written as a folder. Give --out FOLDER", target=tmp_path / "out.onnx")
    refused("an enhancer is written as a folder", target=folder / WEIGHTS)
