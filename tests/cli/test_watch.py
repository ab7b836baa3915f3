"""The verb watch: files as they arrive, each once, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.inspect.arrivals import Arrivals

Weights = Callable[..., Path]


def surface(side: int, shift: int = 0) -> np.ndarray:
    """Dark, with a bright square; side 0 is clean."""
    image = np.full((32, 32), 20, dtype=np.uint8)
    image[4 : 4 + side, 4 + shift : 4 + shift + side] = 240
    return image


@pytest.fixture
def command(tmp_path: Path, bright_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("rules.yaml").write_text("rules:\n  - {name: large, area_px: {min: 30}, then: reject}\n")
    return ["watch", "in", "--weights", str(bright_weights()), "--rules", "rules.yaml", "--out", "out"]


ONCE = ["--once", "--settle", "0"]


def lines(name: str = "results.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("out", name).read_text().splitlines()]


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was said of the files, without the time of day."""
    return [line[9:] for line in capsys.readouterr().out.splitlines() if line[2:3] == ":"]


def test_each_file_once(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_image("in/a.png", surface(4))
    write_image("in/deep/b.png", surface(0))
    assert run([*command, *ONCE]) == 0
    assert sorted(told(capsys)) == [
        "ACCEPT in/a.png: no rule speaks of 1 defect",
        "ACCEPT in/deep/b.png: no defects",
    ]
    write_image("in/c.png", surface(6))
    assert run([*command, *ONCE]) == 1
    assert told(capsys) == ["REJECT in/c.png: large, 1 defect: area_px 36 (min 30)"]
    assert run([*command, *ONCE]) == 0
    assert told(capsys) == []
    assert sorted(line["source"] for line in lines()) == ["in/a.png", "in/c.png", "in/deep/b.png"]
    with Path("out/results.csv").open(newline="") as opened:
        assert len(list(csv.DictReader(opened))) == 3
    assert all(Path("out", line["files"]["mask"]).is_file() for line in lines())


def test_an_image_reduced_too_far_is_not_accepted(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("in/coil.png", np.full((320, 32), 20, np.uint8))
    assert run([*command, *ONCE]) == 1
    said = capsys.readouterr()
    assert "REVIEW in/coil.png: seen at 1/10 of its size: use --tile auto or --strip" in said.out
    assert "note: in/coil.png was seen at 1/10 of its size" in said.err
    assert run([*command, *ONCE, "--overwrite", "--allow-reduction"]) == 0


def test_known_files_are_not_read_again(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_image("in/a.png", surface(4))
    write_image("in/b.png", surface(4))
    Path("in/broken.png").write_bytes(b"no image")
    assert run([*command, *ONCE]) == 2

    def read(*_: Any) -> bytes:
        raise AssertionError("read again")

    monkeypatch.setattr("flawscope.inspect.watching._digest", read)
    assert run([*command, *ONCE]) == 0


def test_the_same_content_counts_once(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_image("in/a.png", surface(4))
    assert run([*command, *ONCE]) == 0
    shutil.copy("in/a.png", "in/copy.png")
    capsys.readouterr()
    for expected in (["same as in/a.png: in/copy.png"], []):
        assert run([*command, *ONCE]) == 0
        assert told(capsys) == expected
    assert [line["source"] for line in lines()] == ["in/a.png"]
    assert [(line["source"], line["duplicate_of"]) for line in lines("passed_over.jsonl")] == [
        ("in/copy.png", "in/a.png")
    ]
    os.utime("in/a.png", (1, 1))  # written again with the same content: no duplicate, nothing to say
    assert run([*command, *ONCE]) == 0
    assert told(capsys) == []
    assert len(lines()) == 1


def test_a_replaced_file_is_inspected_again_and_both_stay(command: list[str]) -> None:
    write_image("in/a.png", surface(4))
    assert run([*command, *ONCE]) == 0
    write_image("in/a.png", surface(8))
    assert run([*command, *ONCE]) == 1
    assert [(line["source"], line["defects"][0]["area_px"]) for line in lines()] == [
        ("in/a.png", 16),
        ("in/a.png", 64),
    ]
    assert len({line["files"]["mask"] for line in lines()}) == 2
    assert run([*command, *ONCE]) == 0
    assert len(lines()) == 2


def test_a_bad_file_is_one_line_until_it_changes(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("in/good.png", surface(4))
    whole = Path("in/good.png").read_bytes()
    Path("in/bad.png").write_bytes(whole[: len(whole) // 2])
    assert run([*command, *ONCE]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "in/bad.png" in said.err
    assert "1 file inspected: 1 accept, 0 review, 0 reject; 1 not usable" in said.out
    assert run([*command, *ONCE]) == 0
    assert capsys.readouterr().err == ""
    write_image("in/bad.png", surface(6))
    assert run([*command, *ONCE]) == 1
    assert [line["source"] for line in lines()] == ["in/good.png", "in/bad.png"]


def test_files_still_being_written_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("flawscope.inspect.arrivals.time.monotonic", lambda: now[0])
    growing, still = tmp_path / "growing.png", tmp_path / "still.png"
    growing.write_bytes(b"1")
    still.write_bytes(b"whole")
    for name in (".hidden.png", "note.txt"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mask.png").write_bytes(b"1")
    arrivals = Arrivals(tmp_path, tmp_path / "out", 2.0)

    def ready() -> list[str]:
        return [Path(path).name for path, _ in arrivals.ready(lambda _path, _stamp: False)]

    assert ready() == []
    now[0], _ = 101.5, growing.write_bytes(b"12")
    assert ready() == []
    now[0] = 102.5
    assert ready() == ["still.png"]
    now[0] = 104.0
    assert sorted(ready()) == ["growing.png", "still.png"]
    still.unlink()
    assert ready() == ["growing.png"]


def test_a_file_that_changes_while_it_is_read_waits(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flawscope.inspect import watching

    write_image("in/a.png", surface(4))
    real, later = watching.read_image, surface(8)

    def replaced(source: str, **options: Any) -> np.ndarray:
        image = real(source, **options)
        monkeypatch.setattr(watching, "read_image", real)
        write_image(source, later)
        return image

    monkeypatch.setattr(watching, "read_image", replaced)
    assert run([*command, *ONCE]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "0 files inspected" in said.out
    assert "1 still being written" in said.out
    assert run([*command, *ONCE]) == 1
    assert [line["defects"][0]["area_px"] for line in lines()] == [64]


def test_other_rules_and_other_results_are_refused(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("in/a.png", surface(4))
    assert run([*command, *ONCE]) == 0
    Path("rules.yaml").write_text("rules:\n  - {name: large, area_px: {min: 10}, then: reject}\n")
    assert run([*command, *ONCE]) == 2
    assert "its results were made with --rules rules.yaml (sha256" in capsys.readouterr().err
    assert run([*command, *ONCE, "--overwrite"]) == 1
    assert run(["inspect", *command[1:], "--resume"]) == 2
    assert "command watch, not inspect" in capsys.readouterr().err
    assert run(["watch", "nowhere", *command[2:]]) == 2
    assert run(["watch", "in", *command[2:-1], "."]) == 2


def test_killed_at_any_time_nothing_is_lost_or_doubled(command: list[str], program: list[str]) -> None:
    count = 48
    for number in range(count):
        write_image(f"in/{number:02d}.png", surface(1 + number % 6, shift=number // 6))
    listed = Path("out/results.jsonl")
    dice = random.Random(4)
    for _ in range(3):
        before = listed.stat().st_size if listed.exists() else 0
        watching = subprocess.Popen(
            [*program, *command, "--settle", "0", "--every", "0.05"], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not (listed.exists() and listed.stat().st_size > before) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.05))
        watching.kill()
        watching.wait()
    half = listed.read_bytes()
    listed.write_bytes(half[: len(half) - dice.randrange(1, 400)])  # and in the middle of a line
    assert run([*command, *ONCE]) in (0, 1)
    assert sorted(line["source"] for line in lines()) == [f"in/{number:02d}.png" for number in range(count)]
    assert len({line["file"]["sha256"] for line in lines()}) == count
    assert {line["files"]["mask"] for line in lines()} == {
        path.relative_to("out").as_posix() for path in Path("out/masks").glob("[!.]*")
    }
    assert not Path("out/passed_over.jsonl").exists()
    assert run([*command[:-1], "straight", *ONCE]) in (0, 1)  # and all is as if nothing had happened
    for file in Path("straight").rglob("[!.]*"):
        twin = Path("out", file.relative_to("straight"))
        if file.name == "results.jsonl":
            assert [{**line, "seconds": 0} for line in lines()] == [
                {**json.loads(line), "seconds": 0} for line in file.read_text().splitlines()
            ]
        elif file.is_file():
            assert twin.read_bytes() == file.read_bytes()


def test_ctrl_c_ends_with_a_summary_and_only_one_watches(command: list[str], program: list[str]) -> None:
    write_image("in/a.png", surface(6))
    with subprocess.Popen(
        [*program, *command, "--settle", "0", "--every", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        said = watching.stdout.readline()[9:]
        beside = run([*command, *ONCE])
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=60)
    assert said == "REJECT in/a.png: large, 1 defect: area_px 36 (min 30)\n"
    assert beside == 2  # another one writes there
    assert (watching.returncode, err) == (1, "")
    assert out.splitlines() == ["1 file inspected: 0 accept, 0 review, 1 reject", "Results: out"]
    assert Path("out/results.csv").is_file()
