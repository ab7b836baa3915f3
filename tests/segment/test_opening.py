"""One line of text to any segmenter, from Python and from the command line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.errors import UsageError, WeightsError
from flawscope.images import read_image, write_image
from flawscope.segment import GrabCutSegmenter, RegionSegmenter, load, open_segmenter, opening

Weights = Callable[..., Path]
Folders = Callable[[str], Path]


def test_each_spec_opens_what_it_names(bright_weights: Weights, sam_folder: Folders) -> None:
    assert isinstance(open_segmenter("regions"), RegionSegmenter)
    assert isinstance(open_segmenter("grabcut"), GrabCutSegmenter)
    for spec in (bright_weights(), str(bright_weights()), f"network:{bright_weights()}"):
        assert open_segmenter(spec, device="cpu").name == "bright"
    for spec in (None, "ocinet-tiny", "network:ocinet-tiny"):
        assert open_segmenter(spec, device="cpu").name == "ocinet-tiny"
    assert open_segmenter(f"sam:{sam_folder('sam2')}", device="cpu").name == f"sam:{sam_folder('sam2').name}"


def test_promptable_models_go_through_the_code_of_any_sam(
    sam_folder: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sam_folder("sam"), tmp_path / "weights" / "promptable-no-steel")
    monkeypatch.setattr(opening, "files", lambda _package: tmp_path)
    monkeypatch.setattr(opening, "shipped_weights", dict)
    segmenter = open_segmenter("promptable:no-steel", device="cpu")
    assert segmenter.name == "promptable:no-steel"
    assert type(segmenter) is type(open_segmenter(f"sam:{sam_folder('sam')}", device="cpu"))
    with pytest.raises(UsageError, match=r"no such promptable model: 'no-wood'\. There are: no-steel"):
        open_segmenter("promptable:no-wood")
    with pytest.raises(
        UsageError, match=r"regions, grabcut, sam:FOLDER, promptable:no-steel, network:WEIGHTS"
    ):
        open_segmenter("magic")


def test_unknown_specs_list_the_known() -> None:
    guesses = {
        "magic": "",
        "sam:": "",
        "": "",
        "grab-cut": "Did you mean grabcut? ",
        "ocinet-tinny": "Did you mean ocinet-tiny? ",
    }
    for spec, guess in guesses.items():
        line = f"no such segmenter: '{spec}'. {guess}There are: regions, grabcut, sam:FOLDER, "
        with pytest.raises(UsageError, match=re.escape(line)):
            open_segmenter(spec)
    with pytest.raises(WeightsError, match=r"no such weights\. Did you mean ocinet-tiny\? Give a "):
        load("ocinet-tinny")
    for spec in ("missing.onnx", "runs/missing", "network:missing"):
        with pytest.raises(WeightsError, match="no such weights"):
            open_segmenter(spec)
    with pytest.raises(UsageError, match="no such device: 'tpu'"):
        open_segmenter("regions", device="tpu")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    image = np.full((60, 60), 90, dtype=np.uint8)
    image[20:40, 15:45] = 200
    write_image(tmp_path / "set" / "images" / "a.png", image)
    write_image(tmp_path / "set" / "masks" / "a.png", (image > 100) * np.uint8(255))
    return tmp_path / "set"


def test_predict_and_evaluate_with_regions(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["predict", str(images / "images"), "--segmenter", "regions", "--out", str(out), "--report"]
    assert run(arguments) == 0
    truth = read_image(images / "masks" / "a.png")[:, :, 0] > 0
    found = read_image(out / "masks" / "a.png")[:, :, 0] > 0
    assert (truth & found).sum() / (truth | found).sum() > 0.9
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "graph-based regions, sigma 0.5, k 300, min_size 100" in page
    assert "fixed threshold 0.5 (the segmenter&#39;s own)" in page
    assert run([*arguments, "--resume"]) == 0
    capsys.readouterr()
    assert run([*arguments[:-1], "--segmenter", "ocinet-tiny", "--resume"]) == 2
    said = capsys.readouterr().err
    assert "made with --weights regions (graph-based regions, sigma 0.5, k 300, min_size 100), not" in said
    report = tmp_path / "evaluation.json"
    assert run(["evaluate", "--segmenter", "regions", "--data", str(images), "--json", str(report)]) == 0
    assert json.loads(report.read_text())["source"] == "regions"


def test_predict_with_a_sam(images: Path, tmp_path: Path, sam_folder: Folders) -> None:
    out = tmp_path / "out"
    spec = f"sam:{sam_folder('sam')}"
    assert run(["predict", str(images / "images"), "--weights", spec, "--out", str(out), "--report"]) == 0
    assert "SAM, input 64 x 64 px" in (out / "report.html").read_text(encoding="utf-8")


def test_grabcut_needs_prompts_that_these_verbs_do_not_have(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(images), "--segmenter", "grabcut", "--out", str(tmp_path / "out")]) == 2
    assert "'grabcut' needs points, boxes or a mask for every image" in capsys.readouterr().err
    assert run(["evaluate", "--segmenter", "grabcut", "--data", str(images)]) == 2


def test_verbs_without_prompts_do_not_offer_what_needs_them(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(images), "--weights", "grab-cut", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "no such segmenter: 'grab-cut'. There are: regions, sam:FOLDER" in said
