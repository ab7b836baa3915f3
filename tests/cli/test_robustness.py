"""``flawscope robustness``, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    for number in range(6):
        image, mask = np.full((32, 32), 40, np.uint8), np.zeros((32, 32), np.uint8)
        if number < 5:
            image[8:20, 8:20], mask[8:20, 8:20] = 190, 255
        write_image(tmp_path / "spots" / "images" / f"{number}.png", image)
        write_image(tmp_path / "spots" / "masks" / f"{number}.png", mask)
    return tmp_path / "spots"


def test_curves_of_two_weights(
    spots: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = bright_weights("one"), bright_weights("two", threshold=0.001)
    (spots / "images" / "4.png").write_bytes(b"")
    out = tmp_path / "out"
    arguments = ["robustness", "--weights", str(one), "--weights", str(two), "--data", str(spots)]
    arguments += ["--out", str(out), "--only", "gain,blur", "--drawn-clean", "1"]
    assert run([*arguments, "--json", str(tmp_path / "r.json"), "--resamples", "50"]) == 0
    said = capsys.readouterr()
    (line,) = said.err.splitlines()  # twice met, once said
    assert line.startswith("error: ")
    assert "4.png: the file is empty" in line
    assert "one on spots: 5 images, threshold 0.5" in said.out
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["schema"] == "flawscope/robustness/1"
    assert [curves["source"] for curves in report["curves"]] == ["one", "two"]
    assert list(report["sheet"]) == ["blur", "gain"]
    first = report["curves"][0]
    assert first["untouched"]["figures"]["iou_fg_image_mean"] == 1.0
    darkest = first["degradations"]["gain"][0]
    assert darkest["figures"]["iou_fg_image_mean"] == 0.2  # nothing is seen; the sound image stays right
    assert darkest["loss"]["iou_fg_image_mean"]["value"] == pytest.approx(0.8)
    assert "drawn_false_alarm_area" in darkest["figures"]
    assert sorted(file.name for file in out.iterdir()) == [
        "degradations.png",
        "robustness.json",
        "robustness.md",
        "robustness.png",
    ]


def test_a_part_of_the_images(spots: Path, bright_weights: Callable[..., Path], tmp_path: Path) -> None:
    arguments = ["robustness", "--weights", str(bright_weights()), "--data", str(spots), "--images", "2"]
    arguments += ["--out", str(tmp_path / "out"), "--only", "jpeg", "--json", str(tmp_path / "r.json")]
    assert run(arguments) == 0
    (curves,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["curves"]
    assert curves["untouched"]["images"] == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--only", "blurr"], "--only: no degradation named 'blurr'. There are: noise, blur"),
        (["--only", ","], "--only: no degradation is named"),
        (["--split", "nope"], "no split named 'nope'"),
        (["--weights", "nonsense"], "no such segmenter: 'nonsense'"),
        (["--weights", "grabcut"], "needs points, boxes or a mask"),
        (["--threshold", "2"], "--threshold"),
    ],
)
def test_what_does_not_fit_is_one_line(
    spots: Path,
    bright_weights: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
) -> None:
    out = tmp_path / "out"
    common = ["robustness", "--weights", str(bright_weights()), "--data", str(spots), "--out", str(out)]
    assert run([*common, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert not out.exists()
