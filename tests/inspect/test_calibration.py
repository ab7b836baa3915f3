"""Calibrations as users make, keep and mistake them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.errors import DataError, UsageError
from flawscope.images import write_image
from flawscope.inspect.calibration import load_calibration, parse_speed
from flawscope.inspect.target import measure_target


def board(tilt: float = 0.0, blur: float = 0.8, degrees: float = 5.0, dots: bool = False) -> Any:
    """A target of 7 x 5 points, 8 mm apart, in pixels of 0.2 x 0.25 mm."""
    y, x = (axis / 2 - 0.25 for axis in np.mgrid[:800, :1000])
    across, down = (x - 250) * 0.2, (y - 200) * 0.25
    far = 1 + tilt * across / 100
    across, down, turn = across / far, down / far, np.radians(degrees)
    u = (across * np.cos(turn) + down * np.sin(turn)) / 8 + 4
    v = (down * np.cos(turn) - across * np.sin(turn)) / 8 + 3
    if dots:
        dark = np.hypot(u - np.clip(np.rint(u), 1, 7), v - np.clip(np.rint(v), 1, 5)) < 0.25
    else:
        dark = (u >= 0) & (u < 8) & (v >= 0) & (v < 6) & ((np.floor(u) + np.floor(v)) % 2 == 0)
    grey = np.where(dark, 30.0, 220.0).reshape(400, 2, 500, 2).mean(axis=(1, 3))
    grey = np.rint(cv2.GaussianBlur(grey, (0, 0), blur)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_line_scan_camera(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    words = ["calibration", "new", "--id", "line-3", "--x", "0.05", "--out", str(file)]
    assert run([*words, "--line-rate", "12000", "--speed", "1.2m/s"]) == 0
    stored = load_calibration(file)
    assert (stored.id, stored.mm_per_px_x, stored.source) == ("line-3", 0.05, "line-scan")
    assert stored.mm_per_px_y == pytest.approx(0.1)
    assert run(["calibration", "show", str(file), "--id", "line-3"]) == 0
    assert "0.05 mm wide and 0.1 mm high" in capsys.readouterr().out
    assert run(["calibration", "show", str(file), "--id", "line-4"]) == 2
    assert "is of 'line-3', not of 'line-4'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--x", "0"], "--x: must be a number above 0, not 0"),
        (["--x", "-1"], "--x: must be a number above 0, not -1"),
        (["--x", "nan"], "--x: must be a number above 0, not nan"),
        (["--x", "inf"], "--x: must be a number above 0, not inf"),
        (["--x", "1", "--y", "0"], "--y: must be a number above 0, not 0"),
        (["--x", "0,05"], ". Use a decimal point: 0.05. See: flawscope calibration new"),
        (["--x=0,05"], ". Use a decimal point: 0.05. See: flawscope calibration new"),
        (["--x", "1", "--line-rate", "0", "--speed", "1m/s"], "--line-rate: must be a number above 0"),
        (["--x", "1", "--line-rate", "10"], "go together"),
        (["--x", "1", "--line-rate", "10", "--speed", "1 mile"], "is not a speed"),
        (["--x", "1", "--y", "1", "--line-rate", "10", "--speed", "1m/s"], "both say"),
    ],
)
def test_what_cannot_be(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.yaml"
    assert run(["calibration", "new", "--id", "a", "--out", str(file), *options]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "a: [", "id: a", "schema: flawscope/calibration/1\nid: a", "\x00"])
def test_files_that_are_no_calibration(text: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError):
        load_calibration(file)


def test_speeds() -> None:
    assert parse_speed("72m/min") == pytest.approx(1200)
    assert parse_speed("1200 mm/s") == 1200
    assert parse_speed("1.2m/s") == pytest.approx(1200)
    with pytest.raises(UsageError):
        parse_speed("12")


@pytest.mark.parametrize("dots", [False, True])
def test_a_target_gives_both_scales(dots: bool) -> None:
    x, y, target = measure_target(board(dots=dots), 8, (7, 5), pattern="dots" if dots else "checkerboard")
    assert (x, y) == pytest.approx((0.2, 0.25), rel=2e-3)
    assert target.residual_px < 0.2
    assert target.spread < 0.002


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"tilt": 0.06}, "tilted"), ({"blur": 8}, "blurred|no checkerboard"), ({"dots": True}, "no ")],
)
def test_pictures_that_are_refused(fault: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        measure_target(board(**fault), 8, (7, 5))


def test_a_target_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, file = tmp_path / "board.png", tmp_path / "c.yaml"
    write_image(picture, board())
    words = ["calibration", "target", str(picture), "--id", "a", "--pitch-mm", "8", "--out", str(file)]
    assert run([*words, "--points", "7x5"]) == 0
    assert load_calibration(file).mm_per_px_y == pytest.approx(0.25, rel=2e-3)
    assert "residual" in capsys.readouterr().out
    assert run([*words, "--points", "7"]) == 2
    assert "is not AxB" in capsys.readouterr().err


def test_a_decimal_comma_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    text = "schema: flawscope/calibration/1\nid: a\nmm_per_px_x: 0,5\nmm_per_px_y: 1\n"
    file.write_text(text)
    with pytest.raises(DataError, match=r"mm_per_px_x \('0,5'\): use a decimal point"):
        load_calibration(file)


def test_very_coarse_pixels_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["calibration", "new", "--id", "a", "--out"]
    assert run([*command, str(tmp_path / "a.yaml"), "--x", "10"]) == 0
    assert capsys.readouterr().err == ""
    assert run([*command, str(tmp_path / "b.yaml"), "--x", "0.05", "--y", "50"]) == 0
    assert "note: 50 mm a pixel is very coarse" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "b.yaml"), "--x", "1"]) == 2
    assert "or delete it first" in capsys.readouterr().err
