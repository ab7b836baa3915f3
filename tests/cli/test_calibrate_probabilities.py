"""``flawscope calibrate-probabilities``, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.segment import load
from flawscope.segment.temperature import tempered_level

STEEPNESS, TRUE_STEEPNESS = 40.0, 10.0
"""The weights say sigmoid(40 (grey - 0.5)); the images are drawn by sigmoid(10 (grey - 0.5)): temperature 4."""


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(12):
        image = rng.integers(40, 216, (32, 32), dtype=np.uint8)
        mask = (rng.random((32, 32)) < 1 / (1 + np.exp(-TRUE_STEEPNESS * (image / 255 - 0.5)))).astype(
            np.uint8
        )
        write_image(tmp_path / "noisy" / "images" / f"{number:02}.png", image)
        write_image(tmp_path / "noisy" / "masks" / f"{number:02}.png", mask * 255)
    return tmp_path / "noisy"


def test_a_temperature_is_found_checked_and_written(
    noisy: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, copy = bright_weights("cold", threshold=0.8), tmp_path / "warm.onnx"
    common = ["calibrate-probabilities", "--data", str(noisy), "--resamples", "50"]
    arguments = [*common, "--weights", str(weights), "--out", str(copy), "--json", str(tmp_path / "t.json")]
    assert run(arguments) == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert report["schema"] == "flawscope/probabilities/1"
    assert report["temperature"] == pytest.approx(4, rel=0.1)
    assert report["images_of_halves"] == [6, 6]
    ece = report["figures"]["ece"]
    assert ece["before"] > 0.08
    assert ece["after"] < 0.03
    assert ece["intervals_95"]["change"][1] < 0
    before, after = load(weights), load(copy)
    assert after.header.temperature == report["temperature_stored"] == report["temperature"]
    assert after.threshold == pytest.approx(tempered_level(0.8, after.header.temperature))
    told = after.header.provenance["temperature_fitted"]
    assert told["before"] == {"temperature": 1.0, "threshold": 0.8}
    assert told["images"] == 12
    image = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(before.predict(image).mask, after.predict(image).mask)
    np.testing.assert_array_equal(
        before.predict(image, threshold=0.5).mask, after.predict(image, threshold=0.5).mask
    )
    said = capsys.readouterr().out
    assert "temperature 4." in said or "temperature 3." in said
    assert "threshold 0.8 became 0.5" in said
    # once more: little is left to do, and the two temperatures are multiplied
    twice = tmp_path / "twice.onnx"
    arguments = [*common, "--weights", str(copy), "--out", str(twice), "--json", str(tmp_path / "u.json")]
    assert run(arguments) == 0
    again = json.loads((tmp_path / "u.json").read_text(encoding="utf-8"))
    assert again["temperature"] == pytest.approx(1, abs=0.03)
    assert load(twice).header.temperature == pytest.approx(after.header.temperature, rel=0.03)
    assert any("had temperature" in note for note in again["notes"])


def test_nothing_is_claimed_where_nothing_is_gained(
    noisy: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warm = load(bright_weights("calibrated", temperature=4.0, threshold=0.5))
    arguments = ["--weights", str(warm.path), "--data", str(noisy), "--json", str(tmp_path / "t.json")]
    assert run(["calibrate-probabilities", *arguments, "--seed", "1"]) == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    grew = [name for name in ("ece", "nll") if report["figures"][name]["change"] >= 0]
    assert sum("did not fall on images that were not fitted" in note for note in report["notes"]) == len(grew)
    assert abs(report["figures"]["ece"]["change"]) < 0.01


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "new.safetensors"], "the weights are a .onnx file"),
        (["--split", "val"], "no split named 'val'"),
        (["--weights", "regions"], "no weights file that could carry a temperature"),
        (["--weights", "nonsense.onnx"], "no such weights"),
    ],
)
def test_what_does_not_fit_is_one_line(
    noisy: Path,
    bright_weights: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
) -> None:
    common = ["calibrate-probabilities", "--weights", str(bright_weights()), "--data", str(noisy)]
    assert run([*common, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_too_few_and_too_good_images_are_one_line(
    tmp_path: Path, bright_weights: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "calibrate-probabilities",
        "--weights",
        str(bright_weights()),
        "--data",
        str(tmp_path / "set"),
    ]
    for number in range(3):
        image = np.zeros((32, 32), np.uint8)
        image[8:16, 8:16] = 255
        write_image(tmp_path / "set" / "images" / f"{number}.png", image)
        write_image(tmp_path / "set" / "masks" / f"{number}.png", image if number != 1 else 0 * image)
    (tmp_path / "set" / "images" / "1.png").write_bytes(b"")
    assert run([*arguments, "--out", str(tmp_path / "w.onnx")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "1.png: the file is empty" in first
    assert "fits best: nearly every pixel is answered rightly" in second
    assert not (tmp_path / "w.onnx").exists()
    (tmp_path / "set" / "images" / "0.png").write_bytes(b"")
    assert run(arguments) == 2
    assert "fewer than two pieces with a defect" in capsys.readouterr().err
