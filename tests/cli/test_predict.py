"""The verb predict, as a person uses it."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import read_image, write_image

Weights = Callable[..., Path]


def surface(number: int = 0, height: int = 32, width: int = 32) -> np.ndarray:
    """Dark, with a bright square of side 4 + number; number -1 is clean."""
    image = np.full((height, width), 20, dtype=np.uint8)
    if number >= 0:
        image[8 : 12 + number, 8 : 12 + number] = 240
    return image


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write_image(folder / "a.png", surface(0))
    write_image(folder / "clean.bmp", surface(-1))
    write_image(folder / "deep" / "a.png", surface(4))
    return folder


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_a_folder(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert (
        run(["predict", str(images), "--weights", str(bright_weights()), "--out", str(out), "--report"]) == 0
    )
    said = capsys.readouterr()
    assert "3 images in" in said.out
    assert "2 with defects (2 defects: 2 bright), 1 clean" in said.out
    assert said.err == ""
    for name, number in (("a", 0), ("deep/a", 4), ("clean", -1)):
        mask = read_image(out / "masks" / f"{name}.png")[:, :, 0]
        np.testing.assert_array_equal(mask, (surface(number) > 128) * np.uint8(255))
        assert (out / "overlays" / f"{name}.jpg").is_file()
    assert [line["defect_fraction"] for line in lines(out)] == [16 / 1024, 0, 64 / 1024]
    with (out / "results.csv").open(newline="") as opened:
        assert [row["area_px"] for row in csv.DictReader(opened)] == ["16", "", "64"]
    assert [entry["area"] for entry in json.loads((out / "coco.json").read_text())["annotations"]] == [16, 64]
    assert (out / "report.html").read_text().count('<li id="image-') == 3
    assert sorted(entry.name for entry in out.iterdir()) == [
        "coco.json",
        "masks",
        "overlays",
        "report.html",
        "results.csv",
        "results.jsonl",
        "settings.json",
    ]


def test_json_on_standard_output_is_alone_there(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", str(images), "--weights", str(bright_weights()), "--out", str(tmp_path / "out")]
    assert run([*arguments, "--json", "-", "--no-masks", "--no-overlays"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["schema"] == "flawscope/predict/1"
    assert (report["images"], report["clean"], report["failed"], report["defects"]) == (
        3,
        1,
        0,
        {"bright": 2},
    )
    assert report["settings"] == {
        "threshold": None,
        "binarize": "threshold",
        "min_area": 1,
        "allow_reduction": False,
    }
    assert [result["files"] for result in report["results"]] == [{}, {}, {}]
    assert "3 images" in said.err
    assert not (tmp_path / "out" / "masks").exists()


def test_settings_reach_the_answer(images: Path, tmp_path: Path, bright_weights: Weights) -> None:
    weights = str(bright_weights())
    run(["predict", str(images), "--weights", weights, "--out", str(tmp_path / "1"), "--min-area", "20"])
    assert [len(line["defects"]) for line in lines(tmp_path / "1")] == [0, 0, 1]
    run(["predict", str(images), "--weights", weights, "--out", str(tmp_path / "2"), "--threshold", "1"])
    assert [len(line["defects"]) for line in lines(tmp_path / "2")] == [0, 0, 0]
    assert {line["threshold"] for line in lines(tmp_path / "2")} == {1.0}
    noisy = np.full((32, 32), 100, dtype=np.uint8)
    noisy[3, 3] = 104
    write_image(images / "clean.bmp", noisy)
    run(
        [
            "predict",
            str(images / "clean.bmp"),
            "--weights",
            weights,
            "--out",
            str(tmp_path / "3"),
            "--binarize",
            "otsu",
        ]
    )
    (otsu,) = lines(tmp_path / "3")
    assert (otsu["threshold"], otsu["defects"][0]["box"]) == (None, [3, 3, 1, 1])


def test_probabilities_are_sixteen_bit(images: Path, tmp_path: Path, bright_weights: Weights) -> None:
    arguments = ["--weights", str(bright_weights()), "--out", str(tmp_path / "out"), "--probabilities"]
    assert run(["predict", str(images / "a.png"), *arguments]) == 0
    stored = read_image(tmp_path / "out" / "probabilities" / "a.png")[:, :, 0]
    assert stored.dtype == np.uint16
    expected = 1 / (1 + np.exp(-40 * (20 / 255 - 0.5)))
    assert stored[0, 0] == pytest.approx(expected * 65535, abs=1)


def test_pages_and_white(tmp_path: Path, bright_weights: Weights) -> None:
    import tifffile

    pages = np.stack([surface(-1), surface(0)]).astype(np.uint16) * 16
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for stored in pages:
            writer.write(stored, contiguous=False)
    arguments = ["predict", str(tmp_path / "a.tif"), "--weights", str(bright_weights())]
    assert run([*arguments, "--out", str(tmp_path / "0")]) == 2
    assert run([*arguments, "--out", str(tmp_path / "1"), "--page", "1"]) == 0
    assert lines(tmp_path / "1")[0]["defects"] == []  # 3840 of 65535 is dark
    assert run([*arguments, "--out", str(tmp_path / "2"), "--page", "1", "--white", "4095", "--report"]) == 0
    assert lines(tmp_path / "2")[0]["defects"][0]["area_px"] == 16
    assert (tmp_path / "2" / "report.html").read_text().count('<li id="image-') == 1


def test_videos_give_numbered_frames(tmp_path: Path, bright_weights: Weights) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "belt.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG")
    for number in range(5):
        writer.write(
            np.dstack([np.kron(surface(number), np.ones((1, 1), np.uint8))[:32, :32]] * 3)
            .repeat(2, axis=1)[:, :64]
            .repeat(2, axis=0)[:48]
            .copy()
        )
    writer.release()
    arguments = [
        "--weights",
        str(bright_weights()),
        "--out",
        str(tmp_path / "out"),
        "--every",
        "2",
        "--report",
    ]
    assert run(["predict", str(tmp_path / "belt.avi"), *arguments]) == 0
    names = sorted(path.name for path in (tmp_path / "out" / "masks" / "belt").iterdir())
    assert names == ["frame_000000.png", "frame_000002.png", "frame_000004.png"]
    assert [len(line["defects"]) for line in lines(tmp_path / "out")] == [1, 1, 1]
    assert (tmp_path / "out" / "report.html").read_text().count('<li id="image-') == 3


def test_limit_then_resume_ends_with_the_same_results(
    images: Path, tmp_path: Path, bright_weights: Weights
) -> None:
    common = ["predict", str(images), "--weights", str(bright_weights())]
    assert run([*common, "--out", str(tmp_path / "whole")]) == 0
    parts = [*common, "--out", str(tmp_path / "parts")]
    assert run([*parts, "--limit", "2"]) == 0
    assert len(lines(tmp_path / "parts")) == 2
    assert run(parts) == 2  # results are there and nothing was chosen
    assert run([*parts, "--resume"]) == 0
    for name in ("results.csv", "coco.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [line["key"] for line in lines(tmp_path / "parts")] == ["a", "clean", "deep/a"]
    assert run([*parts, "--overwrite", "--limit", "1"]) == 0
    assert [line["key"] for line in lines(tmp_path / "parts")] == ["a"]
    assert not (tmp_path / "parts" / "masks" / "deep" / "a.png").exists()


def test_resuming_with_other_weights_is_refused(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["predict", str(images), "--out", str(tmp_path / "out")]
    assert run([*common, "--weights", str(bright_weights())]) == 0
    assert run([*common, "--weights", str(bright_weights("other")), "--resume"]) == 2
    complaint = capsys.readouterr().err
    assert re.search(r"made with --weights bright \(sha256 \w{12}\), not other \(sha256 \w{12}\)", complaint)
    assert "--threshold" not in complaint
    assert run([*common, "--weights", str(bright_weights()), "--resume", "--overwrite"]) == 2


def test_resuming_with_another_threshold_is_refused(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["predict", str(images), "--weights", str(bright_weights()), "--out", str(tmp_path / "out")]
    assert run([*common, "--limit", "1"]) == 0
    for other in (["--threshold", "0.7"], ["--binarize", "otsu"]):
        assert run([*common, "--resume", *other]) == 2
        assert "--threshold 0.5, not " in capsys.readouterr().err
    for option, value in (("--min-area", "20"), ("--page", "0"), ("--white", "200")):
        assert run([*common, "--resume", option, value]) == 2
        assert f"; {option} " in "; " + capsys.readouterr().err.partition("made with ")[2]
    assert run([*common, "--resume", "--threshold", "0.5"]) == 0  # that of the weights
    assert len(lines(tmp_path / "out")) == 3


def test_resuming_with_other_content_of_the_weights_is_refused(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "mine.onnx"
    weights.write_bytes(bright_weights().read_bytes())
    common = ["predict", str(images), "--weights", str(weights), "--out", str(tmp_path / "out")]
    assert run([*common, "--limit", "1"]) == 0
    weights.write_bytes(bright_weights("mine2", provenance={"epoch": 2}).read_bytes())
    assert run([*common, "--resume"]) == 2
    assert "made with --weights mine (sha256 " in capsys.readouterr().err


def test_a_resumed_report_counts_the_whole_folder(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["predict", str(images), "--weights", str(bright_weights()), "--out", str(tmp_path / "out")]
    assert run([*common, "--limit", "1"]) == 0
    capsys.readouterr()
    assert run([*common, "--resume", "--json", "-"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["images"], report["clean"], report["already_done"]) == (3, 1, 1)
    assert report["defects"] == {"bright": 2}
    assert len(report["results"]) == 3
    assert "1 was done before, together 2 with defects (2 defects: 2 bright), 1 clean" in said.err


def test_a_failed_attempt_does_not_block_the_corrected_command(
    tmp_path: Path, bright_weights: Weights
) -> None:
    write_image(tmp_path / "in" / "a.png", surface(0))
    common = [
        "predict",
        str(tmp_path / "in"),
        "--weights",
        str(bright_weights()),
        "--out",
        str(tmp_path / "o"),
    ]
    assert run([*common, "--white", "4095"]) == 2
    assert run(common) == 0
    assert lines(tmp_path / "o")[0]["defect_fraction"] == 16 / 1024


def test_twelve_bits_in_sixteen_are_noted_once(
    tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, factor in (("a.png", 3), ("b.png", 17), ("wide.png", 257)):
        write_image(tmp_path / "in" / name, surface(0).astype(np.uint16) * factor)
    write_image(tmp_path / "in" / "eight.png", surface(0))
    common = ["predict", str(tmp_path / "in"), "--weights", str(bright_weights())]
    assert run([*common, "--out", str(tmp_path / "1"), "--json", str(tmp_path / "1.json")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    first = (tmp_path / "in" / "a.png").as_posix()
    assert line == (
        f"note: {first}: brightest value 4080 of 65535; a 12-bit camera? Give --white 4095 (2 such images)"
    )
    assert json.loads((tmp_path / "1.json").read_text())["notes"] == [line.removeprefix("note: ")]

    assert run([*common, "--out", str(tmp_path / "2"), "--white", "4095"]) == 2
    refused, clipped = capsys.readouterr().err.splitlines()
    assert "eight.png: white 4095 is more than its 8-bit pixels can hold (255)" in refused
    assert "wide.png: 100 % of its pixels are brighter than --white 4095 and were clipped" in clipped
    done = {Path(str(line["source"])).name: line["defect_fraction"] for line in lines(tmp_path / "2")}
    assert (done["b.png"], done["wide.png"], "eight.png" in done) == (16 / 1024, 1.0, False)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_utf8(tmp_path: Path, bright_weights: Weights, program: list[str]) -> None:
    name = b"bl\xe4tt.png".decode("utf-8", "surrogateescape")
    write_image(tmp_path / "in" / name, surface(0))
    command = [*program, "predict", str(tmp_path / "in"), "--weights", str(bright_weights())]
    command += ["--out", str(tmp_path / "out"), "--report", "--json", "-"]
    ran = subprocess.run(command, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert [Path(entry["source"]).name for entry in json.loads(ran.stdout)["results"]] == [name]
    assert (tmp_path / "out" / "masks" / name).is_file()
    assert subprocess.run([*command, "--resume"], capture_output=True).returncode == 0
    assert len(lines(tmp_path / "out")) == 1


def test_predicting_twice_into_a_folder_among_the_images(images: Path, bright_weights: Weights) -> None:
    arguments = ["predict", str(images), "--weights", str(bright_weights()), "--out", str(images / "out")]
    assert run(arguments) == 0
    assert run([*arguments, "--overwrite"]) == 0
    assert len(lines(images / "out")) == 3


def test_bad_options_are_one_line_each(
    images: Path, tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["predict", str(images), "--weights", str(bright_weights()), "--out", str(tmp_path / "out")]
    for options, words in (
        (["--threshold", "1.5"], "--threshold"),
        (["--binarize", "magic"], "--binarize"),
        (["--device", "gpu"], "no such device: 'gpu'"),
        (["--every", "0"], "--every"),
        (["--nonsense"], "--nonsense"),
    ):
        assert run([*common, *options]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert words in line
        assert "internal error" not in line
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_leaves_what_is_done_and_resume_finishes(
    tmp_path: Path, bright_weights: Weights, program: list[str]
) -> None:
    count = 400
    one = write_image(tmp_path / "in" / "0000.png", surface(3, 300, 300)).read_bytes()
    for number in range(1, count):
        (tmp_path / "in" / f"{number:04d}.png").write_bytes(one)
    out = tmp_path / "out"
    arguments = [
        "predict",
        str(tmp_path / "in"),
        "--weights",
        str(bright_weights()),
        "--out",
        str(out),
        "--threads",
        "1",
    ]
    process = subprocess.Popen([*program, *arguments], stderr=subprocess.PIPE, text=True)
    listed = out / "results.jsonl"
    deadline = time.monotonic() + 60
    while not (listed.exists() and listed.read_bytes().count(b"\n") >= 5):
        assert process.poll() is None, "ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert "interrupted; run the same command with --resume" in complaint
    assert "Traceback" not in complaint

    done = lines(out)
    assert 5 <= len(done) < count
    for line in done:
        assert read_image(out / str(line["files"]["mask"])).shape == (300, 300, 3)
    assert len(json.loads((out / "coco.json").read_text())["images"]) == len(done)
    assert not list(out.rglob(".*"))

    finished = subprocess.run([*program, *arguments, "--resume"], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert [Path(line["source"]).name for line in lines(out)] == [
        f"{number:04d}.png" for number in range(count)
    ]
    assert f"{len(done)} were done before" in finished.stdout


def test_tiles_see_what_a_reduced_image_loses(
    tmp_path: Path, bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.full((100, 150), 20, dtype=np.uint8)
    image[70, 33:35] = 255
    write_image(tmp_path / "a.png", image)
    common = ["predict", str(tmp_path / "a.png"), "--weights", str(bright_weights()), "--out"]
    assert run([*common, str(tmp_path / "whole")]) == 0
    assert lines(tmp_path / "whole")[0]["defects"] == []
    tiled = [*common, str(tmp_path / "tiled"), "--tile", "auto", "--report"]
    assert run(tiled) == 0
    assert [defect["box"] for defect in lines(tmp_path / "tiled")[0]["defects"]] == [[33, 70, 2, 1]]
    assert "tiles of 32 x 32 px, overlap 8 px" in (tmp_path / "tiled" / "report.html").read_text()
    capsys.readouterr()
    assert run([*tiled, "--resume", "--overlap", "4"]) == 2
    assert "--overlap 8, not 4" in capsys.readouterr().err
    for options, complaint in (
        (["--overlap", "4"], "--overlap: only tiles overlap. Add --tile auto"),
        (["--tile", "big"], "--tile: 'big' is no number of pixels"),
        (["--tile", "64", "--overlap", "40"], "--overlap: tiles of 64 pixels cannot overlap by 40"),
    ):
        assert run([*common, str(tmp_path / "none"), *options]) == 2
        assert complaint in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
