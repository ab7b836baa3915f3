"""Strips from their rows to the folder, against the whole image in memory."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from flawscope.errors import OutputError, UsageError
from flawscope.images import check_image, read_image
from flawscope.inspect.strip import StripResult, inspect_strip
from flawscope.inspect.strip_gate import Gate, learn_from_strip
from flawscope.inspect.strip_source import ArrayRows, IteratedRows, open_strip
from flawscope.results import find_defects
from flawscope.segment import Prompts, Segmentation, Tiled, binarize


class Bright:
    """The probability of a defect is the grey value; of class two where red exceeds green."""

    name, threshold = "bright", 0.5

    def __init__(self, labels: tuple[str, ...] = ("bright",)) -> None:
        self.labels = labels

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        grey = image[:, :, 0].astype(np.float32) / 255
        return Segmentation(np.stack([grey / len(self.labels)] * len(self.labels)))


def tiled() -> Tiled:
    return Tiled(Bright(), 32, 8)


def surface(rows: int = 400, width: int = 100) -> np.ndarray:
    """Dark, with blobs and one scratch from the first row to the last."""
    rng = np.random.default_rng(rows)
    strip = rng.integers(0, 90, (rows, width), dtype=np.uint8)
    for _ in range(rows // 10):
        y, x = rng.integers(0, rows), rng.integers(0, width - 6)
        strip[y : y + rng.integers(1, 9), x : x + rng.integers(1, 6)] = 230
    strip[np.arange(rows), 40 + abs((np.arange(rows) // 50) % 4 - 2)] = 250
    return strip


def inspected(source: Any, out: Path, **options: Any) -> StripResult:
    return inspect_strip(tiled(), source, out, **{"piece_rows": 60, **options})


def mask_of(out: Path) -> np.ndarray:
    pieces = sorted((out / "masks").iterdir())
    stored = [read_image(piece)[:, :, 0] for piece in pieces]
    tops = [int(piece.stem.removeprefix("rows_")) for piece in pieces]
    assert tops == np.cumsum([0] + [len(piece) for piece in stored[:-1]]).tolist()
    return np.concatenate(stored)


def content(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_strip_gives_what_the_whole_image_gives(tmp_path: Path) -> None:
    strip = surface()
    result = inspected(ArrayRows(strip), tmp_path / "out")
    probability = tiled().segment(check_image(strip)).probability
    whole = binarize(probability, 0.5)
    np.testing.assert_array_equal(mask_of(tmp_path / "out"), whole * 255)
    expected = find_defects(whole, ("bright",), probability)
    found = list(result.records())
    assert (result.rows, result.width, result.counts) == (400, 100, {"bright": len(expected)})
    assert sorted((d.box, d.area) for d in expected) == sorted((tuple(r["box"]), r["area_px"]) for r in found)
    for record in found:
        (twin,) = (d for d in expected if (d.box, d.area) == (tuple(record["box"]), record["area_px"]))
        assert record["score"] == pytest.approx(twin.score, abs=1e-4)
        assert record["brightness"] == pytest.approx(twin.score, abs=1e-4)  # here the score is the grey
        assert record["centroid"] == pytest.approx(twin.centroid, abs=0.01)
    assert max(region.runs.box[3] for region in result.regions()) == 400  # across a dozen seams
    summary = json.loads((tmp_path / "out" / "strip.json").read_text())
    assert (summary["rows"], summary["problem"], summary["regions"]) == (400, None, result.counts)


def test_several_classes_small_regions_and_measures(tmp_path: Path) -> None:
    segmenter = Tiled(Bright(("one", "two")), 32, 8)
    result = inspect_strip(
        segmenter,
        ArrayRows(surface()),
        tmp_path / "out",
        min_area=20,
        measure=lambda region: {"rows": region.runs.box[3]},
    )
    records = list(result.records())
    assert result.counts == {"one": len(records), "two": 0}
    assert all(record["area_px"] >= 20 and record["rows"] == record["box"][3] for record in records)
    assert set(np.unique(mask_of(tmp_path / "out"))) == {0, 1}


def write_tiff(file: Path, strip: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(file, strip, photometric="minisblack", metadata=None, **options)
    return file


KINDS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "raw": lambda folder, strip: strip.tofile(folder / "s.raw") or folder / "s.raw",
    "npy": lambda folder, strip: np.save(folder / "s.npy", strip) or folder / "s.npy",
    "tiff": lambda folder, strip: write_tiff(folder / "s.tif", strip),
    "bigtiff": lambda folder, strip: write_tiff(folder / "s.tif", strip, bigtiff=True, byteorder=">"),
    "strips": lambda folder, strip: write_tiff(folder / "s.tif", strip, compression="zlib", rowsperstrip=7),
    "tiles": lambda folder, strip: write_tiff(folder / "s.tif", strip, compression="zlib", tile=(48, 64)),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_its_rows(kind: str, dtype: str, tmp_path: Path) -> None:
    strip = np.random.default_rng(0).integers(0, 255, (131, 100)).astype(dtype)
    file = KINDS[kind](tmp_path, strip)
    source = open_strip(file, width=100 if kind == "raw" else 7, dtype=dtype)
    assert (source.width, source.rows) == (100, None if kind == "raw" else 131)
    for start, stop in ((0, 40), (40, 41), (41, 100), (100, 131), (10, 20)):
        np.testing.assert_array_equal(source.read(start, stop), check_image(strip[start:stop]))
    assert source.problem is None
    assert len(source.read(131, 140)) == 0


def test_colour_white_and_other_images(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", colour, photometric="rgb")
    np.testing.assert_array_equal(open_strip(tmp_path / "c.tif").read(3, 9), colour[3:9])
    twelve = np.full((4, 5), 4095, np.uint16)
    np.save(tmp_path / "w.npy", twelve)
    assert (open_strip(tmp_path / "w.npy", white=4095).read(0, 4) == 65535).all()


def test_blocks_from_a_camera(tmp_path: Path) -> None:
    strip = surface(150)
    edges = [0, 1, 50, 51, 120, 150]
    blocks = [strip[a:b] for a, b in itertools.pairwise(edges)]
    inspected(IteratedRows(blocks, "camera"), tmp_path / "blocks")
    inspected(ArrayRows(strip, "camera"), tmp_path / "whole")
    one, other = content(tmp_path / "blocks"), content(tmp_path / "whole")
    assert one["regions.jsonl"] == other["regions.jsonl"]
    np.testing.assert_array_equal(mask_of(tmp_path / "blocks"), mask_of(tmp_path / "whole"))


def test_files_that_cannot_be_read_in_pieces_say_so(tmp_path: Path) -> None:
    strip = surface(64)
    tifffile.imwrite(tmp_path / "white.tif", strip, photometric="miniswhite")
    np.save(tmp_path / "cube.npy", np.zeros((2, 3, 4, 5)))
    strip.tofile(tmp_path / "s.raw")
    np.save(tmp_path / "s.npy", strip)
    (tmp_path / "torn.tif").write_bytes(b"II*\0")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("white.tif", {}, "not stored as grey or RGB with black as zero"),
        ("cube.npy", {}, "no strip of rows"),
        ("s.raw", {}, "Give --width and --dtype"),
        ("s.raw", {"width": 9, "dtype": "complex64"}, "is no type of pixels"),
        ("s.raw", {"width": 0}, "cannot be"),
        ("s.raw", {"width": 100_000}, "shorter than one row"),
        (
            "s.raw",
            {"width": 100, "rows": 63},
            r"holds 6,400 bytes, more than 63 rows of 100 bytes. Check --rows",
        ),
        ("s.npy", {"rows": 65}, "has 64 rows, not 65"),
        ("torn.tif", {}, "not readable as a TIFF"),
        ("missing.tif", {}, "no such file"),
    ]
    from flawscope.errors import FlawscopeError

    for name, options, line in cases:
        with pytest.raises(FlawscopeError, match=line):
            open_strip(tmp_path / name, **options)


@pytest.mark.parametrize("kind", ["raw", "npy", "tiff", "tiles"])
def test_a_file_cut_short_is_done_as_far_as_it_goes_and_finished_when_it_is_whole(
    kind: str, tmp_path: Path
) -> None:
    """A TIFF written here has its directory in front, as cameras that stream write it."""
    file = KINDS[kind](tmp_path, surface())
    options = {"width": 100} if kind == "raw" else {}
    inspected(open_strip(file, **options), tmp_path / "whole")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 3 // 4 + 7])
    cut = inspected(open_strip(file, **options), tmp_path / "out")
    assert 200 < cut.rows < 400
    assert cut.problem is not None
    assert f"after {cut.rows}" in str(cut.problem)
    assert "\n" not in str(cut.problem)
    assert len(mask_of(tmp_path / "out")) == cut.rows
    assert json.loads((tmp_path / "out" / "strip.json").read_text())["problem"] == str(cut.problem)
    file.write_bytes(whole)
    done = inspected(open_strip(file, **options), tmp_path / "out", resume=True)
    assert (done.rows, done.problem) == (400, None)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_raw_file_cut_between_two_rows_is_cut_where_its_rows_are_declared(tmp_path: Path) -> None:
    file, declared = tmp_path / "s.raw", {"width": 100, "rows": 400}
    surface().tofile(file)
    inspected(open_strip(file, **declared), tmp_path / "whole")
    surface()[:300].tofile(file)
    assert inspected(open_strip(file, width=100), tmp_path / "undeclared").problem is None
    cut = inspected(open_strip(file, **declared), tmp_path / "out")
    assert cut.rows == 300
    assert "the file ends after 300 of 400 rows; they were inspected" in str(cut.problem)
    surface().tofile(file)
    done = inspected(open_strip(file, **declared), tmp_path / "out", resume=True)
    assert (done.rows, done.problem) == (400, None)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def until(row: int) -> Callable[[int], None]:
    def stop(rows: int) -> None:
        if rows > row:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("row", [0, 100, 230])
@pytest.mark.parametrize("camera", [False, True])
def test_another_strip_under_the_same_name_is_not_gone_on_with(
    camera: bool, row: int, tmp_path: Path
) -> None:
    """Even one that differs in a single pixel of what was read; below that it is the strip that was begun."""

    def rows(strip: np.ndarray) -> Any:
        return IteratedRows(np.array_split(strip, 7), "coil") if camera else ArrayRows(strip, "coil")

    out, other = tmp_path / "out", surface()
    other[row, 3] ^= 1
    assert inspected(rows(surface()), out, on_rows=until(250)).interrupted
    before = content(out)
    with pytest.raises(
        UsageError, match=r"^coil: not the strip that was begun in .*out: its first \d+ rows are"
    ):
        inspected(rows(other), out, resume=True)
    with pytest.raises(
        UsageError, match=r"it ends after 150 rows, and \d+ were read then. Resume with the same"
    ):
        inspected(rows(surface()[:150]), out, resume=True)
    assert content(out) == before
    assert inspected(rows(surface()), out, resume=True).rows == 400
    inspected(rows(surface()), tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")
    with pytest.raises(UsageError, match="its first 400 rows are others"):
        inspected(rows(other), out, resume=True)


def test_a_full_disk_leaves_what_was_recorded_and_resuming_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = surface()
    inspected(ArrayRows(strip), tmp_path / "whole")
    genuine, allowed = Path.write_bytes, 7

    def fill(self: Path, data: bytes) -> int:
        nonlocal allowed
        allowed -= 1
        if allowed < 0:
            genuine(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return genuine(self, data)

    said: list[str] = []
    while True:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", fill)
            try:
                inspected(ArrayRows(strip), tmp_path / "out", resume=bool(said))
                break
            except OutputError as error:
                said.append(str(error))
        allowed = 4
    assert len(said) > 1
    assert all("no space left on device. Free some space" in line for line in said)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_ctrl_c_keeps_what_was_recorded(tmp_path: Path) -> None:
    strip = surface()

    def stop(rows: int) -> None:
        if rows > 200:
            raise KeyboardInterrupt

    stopped = inspected(ArrayRows(strip), tmp_path / "out", on_rows=stop)
    assert stopped.interrupted
    assert 60 < stopped.rows < 220
    done = inspected(ArrayRows(strip), tmp_path / "out", resume=True)
    inspected(ArrayRows(strip), tmp_path / "whole")
    assert (done.rows, done.interrupted) == (400, False)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    again = inspected(ArrayRows(strip), tmp_path / "out", resume=True, on_rows=stop)
    assert (again.rows, again.counts, again.interrupted) == (400, done.counts, False)


def test_a_folder_with_results_is_not_overwritten_unasked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    inspected(ArrayRows(surface()), out)
    before = content(out)
    with pytest.raises(UsageError, match="already holds an inspected strip"):
        inspected(ArrayRows(surface()), out)
    with pytest.raises(UsageError, match=r"made with --threshold 0.5, not 0.9"):
        inspected(ArrayRows(surface()), out, resume=True, threshold=0.9)
    with pytest.raises(UsageError, match="strip array, not other"):
        inspected(ArrayRows(surface(), "other"), out, resume=True)
    assert content(out) == before
    inspected(ArrayRows(surface(100)), out, overwrite=True)
    assert len(mask_of(out)) == 100
    (tmp_path / "mine" / "masks").mkdir(parents=True)
    (tmp_path / "mine" / "masks" / "a.png").touch()
    with pytest.raises(UsageError, match="no strip has made"):
        inspected(ArrayRows(surface()), tmp_path / "mine")


CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_strip import inspected
from flawscope.inspect.strip_source import open_strip
inspected(open_strip({file!r}), Path({out!r}), resume=True, on_rows=lambda rows: time.sleep({pause}))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_at_random_points_and_resumed_the_bytes_are_those_of_one_run(tmp_path: Path) -> None:
    file, out = tmp_path / "s.npy", tmp_path / "out"
    np.save(file, surface(3000))
    inspected(open_strip(file), tmp_path / "whole")
    chance, kills = random.Random(0), 0
    for attempt in range(6):
        script = CHILD.format(
            tests=str(Path(__file__).parent),
            file=str(file),
            out=str(out),
            pause=0.02 if attempt < 5 else 0,
        )
        child = subprocess.Popen([sys.executable, "-c", script])
        if attempt < 5:
            before, deadline = state(out), time.monotonic() + 60
            while state(out) == before and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.3)
            child.kill()
            kills += child.wait() != 0
        else:
            assert child.wait(timeout=120) == 0
    assert kills >= 3
    assert content(out) == content(tmp_path / "whole")


def state(out: Path) -> bytes:
    return (out / "state.npz").read_bytes() if (out / "state.npz").exists() else b""


MEMORY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_strip import Bright
from flawscope.inspect.strip import inspect_strip
from flawscope.inspect.strip_source import open_strip
from flawscope.segment import Tiled
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = inspect_strip(Tiled(Bright(), 224), open_strip({file!r}, width=2048), Path({out!r}))
print(result.rows, *result.counts.values(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in KiB is Linux")
def test_memory_does_not_grow_with_the_strip(tmp_path: Path) -> None:
    """A quarter of 8,192 columns may take a quarter of the 1.5 GiB, less what the program itself needs."""
    peaks = []
    for rows in (3000, 9000):
        strip = np.zeros((rows, 2048), np.uint8)
        strip[:, 1000:1003] = 255
        strip.tofile(tmp_path / "s.raw")
        script = MEMORY.format(
            tests=str(Path(__file__).parent), file=str(tmp_path / "s.raw"), out=str(tmp_path / f"out{rows}")
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        inspected_rows, regions, peak = map(int, done.stdout.split())
        assert (inspected_rows, regions) == (rows, 1)
        peaks.append(peak / 1024)
    assert max(peaks) < 200
    assert peaks[1] < peaks[0] + 20


def background(number: int, side: int = 32) -> np.ndarray:
    """Noise; the light falls to one side and differs from one to the next."""
    rng = np.random.default_rng(number)
    light = np.linspace(rng.uniform(80, 100), rng.uniform(100, 130), side)
    return check_image(rng.normal(light, 6, (side, side)).clip(0, 255).astype(np.uint8))


def test_the_gate_knows_background_and_sees_defects() -> None:
    gate = Gate.learn((background(number, 96) for number in range(60)), level=6.0)
    assert np.mean([gate(background(number, 96)) for number in range(100, 200)]) > 0.95
    for rows, columns in (
        (slice(0, 96), slice(10, 14)),  # a scratch along the strip
        (slice(50, 53), slice(0, 96)),  # and across
        (slice(3, 11), slice(20, 28)),
        (slice(30, 60), slice(30, 60)),
    ):
        for change in (60, -60):
            defective = background(300, 96).astype(int)
            defective[rows, columns] += change
            assert not gate(defective.clip(0, 255).astype(np.uint8))
    with pytest.raises(UsageError, match="too few"):
        Gate.learn([background(0)], 6.0)


def test_a_gate_learnt_from_the_strip_itself_skips_and_finds_the_same(tmp_path: Path) -> None:
    strip = np.random.default_rng(0).normal(80, 6, (640, 192)).clip(0, 255).astype(np.uint8)
    strip[100:108, 50:58] = 230
    seen: list[int] = []

    class Counting(Bright):
        def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
            seen.append(1)
            return super().segment(image)

    source = ArrayRows(strip)
    gate = learn_from_strip(source, Tiled(Counting(), 32, 8), 8.0)
    plain = inspect_strip(Tiled(Counting(), 32, 8), source, tmp_path / "plain")
    all_tiles = len(seen)
    gated = inspect_strip(Tiled(Counting(), 32, 8, is_empty=gate), source, tmp_path / "gated")
    assert len(seen) - all_tiles < all_tiles / 5
    assert [r["box"] for r in gated.records()] == [r["box"] for r in plain.records()] == [[50, 100, 8, 8]]
    with pytest.raises(UsageError, match="unknown length"):
        learn_from_strip(IteratedRows([strip]), tiled(), 8.0)
