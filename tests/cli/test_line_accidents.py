"""On the line, through the real program: killed or out of disk at any time, then resumed, as if nothing had been."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from flawscope.cli.app import run
from flawscope.images import write_image

Weights = Callable[..., Path]

RULES = "rules:\n  - {name: long, length_px: {min: 30}, then: reject}\n"


@pytest.fixture
def common(tmp_path: Path, bright_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a command; the results go to what follows."""
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(RULES)
    weights = bright_weights(imgsz=(64, 64), name="bright64")
    return ["--weights", str(weights), "--rules", "rules.yaml", "--out"]


def strip(rows: int, width: int = 128) -> str:
    """Dark, with specks and one scratch over its whole length."""
    chance = np.random.default_rng(rows)
    image = chance.integers(0, 60, (rows, width), dtype=np.uint8)
    for _ in range(rows // 100):
        y, x = chance.integers(0, rows), chance.integers(0, width - 6)
        image[y : y + chance.integers(1, 9), x : x + chance.integers(1, 6)] = 240
    image[:, 60:63] = 250
    tifffile.imwrite("coil.tif", image, photometric="minisblack")
    return "coil.tif"


def content(out: str) -> dict[str, Any]:
    """Every file below a folder of results, byte for byte; of the records all but how long it took."""
    files: dict[str, Any] = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in Path(out).rglob("[!.]*")
        if path.is_file()
    }
    records = [json.loads(line) for line in files["results.jsonl"].splitlines()]
    files["results.jsonl"] = [{**record, "seconds": None} for record in records]
    return files


def test_a_strip_killed_at_any_time_ends_as_if_it_had_not_been(
    common: list[str], program: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["inspect", strip(9000), "--strip", *common]
    assert run([*command, "straight"]) == 1
    state = Path("killed/strips/coil/state.npz")
    chance, killed = random.Random(4), 0
    for _ in range(3):
        before = state.stat().st_mtime_ns if state.exists() else 0
        inspecting = subprocess.Popen([*program, *command, "killed", "--resume"], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while inspecting.poll() is None and time.monotonic() < deadline:
            if state.exists() and state.stat().st_mtime_ns != before:
                break
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        inspecting.kill()
        killed += inspecting.wait() != 1
    assert killed >= 2
    assert not Path("killed/results.csv").exists()
    capsys.readouterr()
    assert run([*command, "killed", "--resume"]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[1] == "1 strip (9,000 rows): 0 accept, 0 review, 1 reject"
    assert content("killed") == content("straight")


FILL = """
import subprocess, sys
from pathlib import Path
from flawscope.cli.app import run

disk, filler = Path("disk"), Path("disk/filler")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=True)
filler.write_bytes(bytes(508 * 1024))
failures = 0
while run(sys.argv[1:]) == 2:
    failures += 1
    with filler.open("r+b") as opened:  # a little more room, and once more
        opened.truncate(filler.stat().st_size - 8192)
subprocess.run(["cp", "-r", "disk/out", "full"], check=True)
print("failures", failures)
"""
"""In a mount namespace of its own: a file system that is full, with 8 KiB more after each failure."""

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def may_mount() -> bool:
    mount = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="no file system of its own may be mounted here")
@pytest.mark.parametrize("verb", ["inspect", "inspect --strip", "watch"])
def test_a_disk_that_is_full_at_any_write(common: list[str], verb: str) -> None:
    if verb == "inspect --strip":
        command = ["inspect", strip(2500), "--strip", *common]
    else:
        for number in range(6):
            image = np.random.default_rng(number).integers(0, 60, (64, 64), dtype=np.uint8)
            image[4:44, 20 : 22 + number] = 240
            write_image(f"in/{number}.png", image)
        command = [verb, "in", *common]
    more = ["--once", "--settle", "0"] if verb == "watch" else ["--resume"]
    assert run([*command, "disk/out", *more]) == 1
    Path("disk/out").rename("straight")
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", FILL, *command, "disk/out", *more],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == len(said) >= 3
    assert all("no space left on device. Free some space" in line for line in said), said
    assert content("full") == content("straight")
