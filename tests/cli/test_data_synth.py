from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.data.samples import open_data
from flawscope.data.synthetic import draw

SMALL = ["--count", "10", "--size", "40x56"]


def test_the_folder_is_a_dataset_of_the_drawn_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drawn"
    options = ["--seed", "7", "--surface", "steel", "--kinds", "crack,pit", "--clean", "0.3", "--json", "-"]
    assert run(["data", "synth", "--out", str(out), *SMALL, *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["splits"] == {"train": 8, "val": 1, "test": 1}
    data = open_data(out)
    assert data.labels == ("crack", "pit")
    assert len(data) == 10
    for sample in data:
        expected, mask, _ = draw(
            (7, int(sample.image.stem)),
            40,
            56,
            surface="steel",
            kinds=("crack", "pit"),
            clean_probability=0.3,
        )
        image, truth = sample.read()
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(truth, mask)


def test_the_height_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn"
    assert run(["data", "synth", "--out", str(out), "--count", "2", "--size", "40x56"]) == 0
    assert "2 images, 40 pixels high and 56 wide, in" in capsys.readouterr().out
    assert open_data(out).samples[0].read_image().shape[:2] == (40, 56)


@pytest.mark.parametrize(("option", "value"), [("--kinds", "dent"), ("--splits", "0.5,0.1,0.1")])
def test_options_are_checked_before_the_folder(
    tmp_path: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    assert run(["data", "synth", "--out", str(tmp_path), option, value]) == 2
    error = capsys.readouterr().err
    assert "not an empty folder" not in error
    assert value.replace(",", ", ") in error


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for name, count in (("few", "3"), ("more", "5")):
        run(["data", "synth", "--out", str(tmp_path / name), "--count", count, "--size", "32"])
    for index in range(3):
        few, more = (tmp_path / name / "images" / f"{index:05d}.png" for name in ("few", "more"))
        assert few.read_bytes() == more.read_bytes()


def test_a_drawn_dataset_passes_the_check(tmp_path: Path) -> None:
    run(["data", "synth", "--out", str(tmp_path / "drawn"), "--count", "20", "--size", "64x64"])
    assert run(["data", "check", str(tmp_path / "drawn")]) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "40by50"], "--size 40by50"),
        (["--size", "0x50"], "0 pixels high and 50 wide"),
        (["--surface", "wood"], "wood"),
        (["--kinds", "pit,dent"], "pit, dent"),
        (["--splits", "0.8,0.1"], "0.8, 0.1"),
        (["--splits", "a,b,c"], "a,b,c"),
    ],
)
def test_mistakes_exit_2_with_one_line(
    tmp_path: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "synth", "--out", str(tmp_path / "drawn"), *options]) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("error: ")
    assert told in line
    assert "\n" not in line
    assert not (tmp_path / "drawn").exists()


def test_a_folder_with_files_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    assert run(["data", "synth", "--out", str(tmp_path)]) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
