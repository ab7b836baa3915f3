from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four textured images with masks, divided by folders, without any fault."""
    for number, split in enumerate(("train", "train", "val", "test")):
        rng = np.random.default_rng(number)
        noise = cv2.GaussianBlur(rng.normal(0, 1, (60, 80)), (0, 0), 1.5)
        mask = np.zeros((60, 80), dtype=np.uint8)
        mask[20:30, 20 : 40 + number] = 255
        write_image(
            tmp_path / "images" / split / f"{number}.png", np.clip(120 + 60 * noise, 0, 255).astype(np.uint8)
        )
        write_image(tmp_path / "masks" / split / f"{number}.png", mask)
    return tmp_path


def test_a_good_folder_exits_0_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "4 images, 4 labelled, layout plain" in shown
    assert "train 2, val 1, test 1" in shown
    assert "0 errors" in shown
    assert "Good to use." in shown
    header = next(line for line in shown.splitlines() if line.startswith("class ")).split()
    assert header[:5] == ["class", "images", "train", "val", "test"]


def test_a_class_that_training_never_sees_is_not_good_to_use(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for mask in (folder / "masks").rglob("*.png"):
        number = 2 if mask.parent.name == "test" else 1
        write_image(mask, (cv2.imread(str(mask), 0) > 0).astype(np.uint8) * number)
    assert run(["data", "check", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "Good to use" not in shown
    assert "Divide it again before training: 'train' does not show class2." in shown


def test_a_leak_exits_1_names_the_pair_and_says_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = cv2.imread(str(folder / "images/train/0.png"))
    write_image(folder / "images/test/3.png", np.ascontiguousarray(np.rot90(image)))
    write_image(folder / "masks/test/3.png", np.zeros((80, 60), dtype=np.uint8))
    assert run(["data", "check", str(folder), "--json", str(folder / "report.json")]) == 1
    shown = capsys.readouterr().out
    assert "images/test/3 (test) and images/train/0 (train): same pixels, rotate 270" in shown
    assert "flawscope data split" in shown
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["schema"] == "flawscope/data-check/1"
    assert report["verdict"] == "error"
    assert report["leakage"]["leaked"]["test"] == {"images": 1, "with_copy": 1, "only_alike": 0}
    (pair,) = report["leakage"]["pairs"]
    assert {pair["first"], pair["second"]} == {"images/test/3", "images/train/0"}
    assert pair["across"] is True


def test_the_groups_it_writes_make_a_split_without_leaks(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = cv2.imread(str(folder / "images/train/0.png"))
    write_image(folder / "images/test/3.png", np.ascontiguousarray(image[:, ::-1]))
    groups, splits = tmp_path / "groups.json", tmp_path / "splits.json"
    assert run(["data", "check", str(folder), "--groups", str(groups)]) == 1
    assert json.loads(groups.read_text(encoding="utf-8")) == {
        "images/train/0.png": "piece1",
        "images/test/3.png": "piece1",
    }
    options = ["--val", "0.25", "--test", "0.25", "--group-by", str(groups), "--out", str(splits)]
    assert run(["data", "split", str(folder), *options]) == 0
    assert run(["data", "check", str(folder), "--splits", str(splits)]) == 0
    assert run(["data", "check", str(folder), "--groups", str(groups), "--no-leakage"]) == 2
    assert "--no-leakage" in capsys.readouterr().err


def test_json_on_standard_output_is_alone_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(folder), "--no-leakage", "--json", "-"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["leakage"] is None
    assert "4 images" in told.err


def test_the_rest_is_examined_when_a_file_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "images/train/0.png").write_bytes(b"")
    (folder / "masks/val/2.png").write_bytes(b"nonsense")
    (folder / "masks/val/lonely.png").write_bytes((folder / "masks/test/3.png").read_bytes())
    assert run(["data", "check", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "images cannot be read: 1" in shown
    assert "masks cannot be read: 1" in shown
    assert "lonely.png" in shown


def test_examples_are_cut_where_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split, number in (("train", 0), ("train", 1), ("val", 2)):
        (folder / f"images/{split}/{number}.png").write_bytes(b"")
    run(["data", "check", str(folder), "--examples", "1"])
    assert "... and 2 more" in capsys.readouterr().out


def test_a_path_that_is_no_dataset_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(tmp_path / "nowhere")]) == 2
    assert run(["data", "check", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.startswith("error: ") for line in lines] == [True, True]
