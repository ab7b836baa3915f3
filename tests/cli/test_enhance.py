"""The verb enhance, as a person uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.data.synthetic import draw
from flawscope.images import read_image, write_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    image, _, _ = draw(3, 40, 50, surface="steel")
    return write_image(tmp_path / "photo.png", image)


def test_rounds_with_their_weights(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "strip.png"
    options = ["--weights", "wls=1,unsharp=1", "--weights", " clahe = 0.2"]
    assert run(["enhance", "apply", str(photo), "--out", str(out), *options]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == ["round 1: wls 0.50, unsharp 0.50", "round 2: clahe 1.00"]
    assert said.err == ""
    strip = read_image(out)
    assert strip.shape[1] > strip.shape[0]
    assert [entry.name for entry in out.parent.iterdir()] == ["strip.png"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "photo.png"]


def test_equal_weights_for_some_rounds(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "strip.jpg"
    command = ["enhance", "apply", str(photo), "--out", str(out)]
    assert run([*command, "--rounds", "3", "--filters", "median, gamma,", "--kernel-size", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"round {number}: median 0.50, gamma 0.50" for number in (1, 2, 3)]
    three = read_image(out).shape[1]
    assert run([*command, "--weights", "gamma=1", "--rounds", "2", "--bank", "all"]) == 0
    assert capsys.readouterr().out.startswith("round 1: gamma 1.00\nround 2: gamma 1.00\n")
    assert read_image(out).shape[1] < three


def test_with_a_segmenter(
    photo: Path, tmp_path: Path, bright_weights: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    plain, masked = tmp_path / "plain.png", tmp_path / "masked.png"
    assert run(["enhance", "apply", str(photo), "--out", str(plain)]) == 0
    options = ["--segmenter", str(bright_weights()), "--device", "cpu"]
    assert run(["enhance", "apply", str(photo), "--out", str(masked), *options]) == 0
    assert capsys.readouterr().err == ""
    assert read_image(masked).shape[0] > read_image(plain).shape[0]


def test_a_strip_that_cannot_be_written_is_told_before_the_image_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "strip.png").mkdir()
    assert run(["enhance", "apply", str(tmp_path / "none.png"), "--out", str(tmp_path / "strip.png")]) == 2
    assert "could not write: is a directory. A folder of this name is there" in capsys.readouterr().err


def test_sixteen_bits_and_colour(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 65536, (7, 9, 3)).astype(np.uint16)
    photo = write_image(tmp_path / "colour.png", colour)
    assert run(["enhance", "apply", str(photo), "--out", str(tmp_path / "strip.png"), "--bank", "all"]) == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--weights", "sharpen=1"],
            "error: --weights sharpen=1: no filter 'sharpen' in this bank. It has: identity",
        ),
        (["--weights", "gamma=1"], "no filter 'gamma' in this bank"),
        (["--weights", "wls"], "'wls' is not NAME=SHARE"),
        (["--weights", ""], "'' is not NAME=SHARE"),
        (["--weights", "wls=much"], "'much' is not a number"),
        (["--weights", "wls=nan"], "NaN or infinite"),
        (["--weights", "wls=0"], "all weights are 0"),
        (["--weights", "wls=1,clahe=-1"], "weights cannot be negative"),
        (["--weights", "wls=1,wls=2"], "'wls' stands twice"),
        (["--weights", "wls=1", "--weights", "clahe=1", "--rounds", "2"], "do not go together"),
        (["--rounds", "0"], "Invalid value for '--rounds'"),
        (["--bank", "mine"], "there is no bank 'mine'. There are: default, all, paper"),
        (["--policy", "mine", "--bank", "default"], "Leave out --weights, --rounds, --bank, --filters"),
        (["--filters", "wls,blur"], "there is no filter 'blur'"),
        (["--filters", "wls,wls"], "a filter stands twice"),
        (["--kernel-size", "6"], "kernel_size must be an odd number from 3 to 11, not 6"),
        (["--segmenter", "nothing-like-it"], "nothing-like-it"),
        (["--segmenter", "grabcut"], "needs points, boxes or a mask"),
        (["--out", "strip.txt"], "must end in .png or .jpg"),
        (["--out", "photo.png/strip.png"], "could not write: not a directory"),
    ],
)
def test_mistakes_get_one_line(
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(photo.parent)
    assert run(["enhance", "apply", str(photo), *options]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert line in said.err
    assert said.err.count("\n") == 1
    assert [entry.name for entry in photo.parent.iterdir()] == ["photo.png"]


def test_a_missing_and_a_broken_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["enhance", "apply", str(tmp_path / "none.png"), "--out", str(tmp_path / "strip.png")]) == 2
    assert "none.png" in capsys.readouterr().err
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert run(["enhance", "apply", str(broken), "--out", str(tmp_path / "strip.png")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "strip.png").exists()
