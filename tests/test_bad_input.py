"""What the world hands in. Each case: one clear line, exit code 2, the rest done, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import pickle
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from flawscope.cli.app import run
from flawscope.images import MAX_PIXELS, read_image, write_image

Weights = Callable[..., Path]
GOOD = np.full((32, 32), 20, dtype=np.uint8)
GOOD[8:16, 8:16] = 240


class Outcome:
    """What one ``flawscope predict`` did to a folder with one bad file between two good ones."""

    def __init__(self, code: int, out: Path, complaints: list[str]) -> None:
        self.code = code
        self.out = out
        self.complaints = complaints

    @property
    def done(self) -> list[str]:
        lines = (self.out / "results.jsonl").read_text().splitlines()
        return [Path(json.loads(line)["source"]).name for line in lines]

    def refused(self, words: str) -> None:
        """The bad file cost one line and itself, and nothing else."""
        assert self.code == 2
        assert len(self.complaints) == 1, self.complaints
        assert self.complaints[0].startswith("error: ")
        assert words in self.complaints[0]
        assert self.done == ["a_good.png", "z_good.png"]
        self.consistent()

    def accepted(self, name: str) -> dict[str, object]:
        """The odd file was read like any other; its result."""
        assert (self.code, self.complaints) == (0, [])
        assert self.done == ["a_good.png", name, "z_good.png"]
        self.consistent()
        record: dict[str, object] = json.loads((self.out / "results.jsonl").read_text().splitlines()[1])
        return record

    def consistent(self) -> None:
        """What is listed is there and whole, what is there is listed, and no temporary file is left."""
        records = [json.loads(line) for line in (self.out / "results.jsonl").read_text().splitlines()]
        listed = {self.out / file for record in records for file in record["files"].values()}
        present = {
            path for kind in ("masks", "overlays") for path in (self.out / kind).rglob("*") if path.is_file()
        }
        assert present == listed
        for record in records:
            mask = read_image(self.out / record["files"]["mask"])
            assert mask.shape == (record["height"], record["width"], 3)
        assert len(json.loads((self.out / "coco.json").read_text())["images"]) == len(records)
        assert not list(self.out.rglob(".*"))


@pytest.fixture
def predict(
    tmp_path: Path, bright_weights: Weights, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    folder = tmp_path / "in"
    write_image(folder / "a_good.png", GOOD)
    write_image(folder / "z_good.png", GOOD)

    def go(*options: str) -> Outcome:
        arguments = [
            "predict",
            str(folder),
            "--weights",
            str(bright_weights()),
            "--out",
            str(tmp_path / "out"),
        ]
        code = run([*arguments, *options])
        return Outcome(code, tmp_path / "out", capfd.readouterr().err.splitlines())

    return go


def encoded(suffix: str, array: np.ndarray, folder: Path) -> bytes:
    path = write_image(folder / f"encoded{suffix}", array)
    return path.read_bytes()


# Files that cannot be used


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_unreadable(predict: Callable[..., Outcome], tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in" / f"bad{suffix}").write_bytes(b"these bytes are no image, whatever the name says" * 20)
    predict().refused("not an image that Flawscope reads")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    ("suffix", "depth"), [(".png", 8), (".png", 16), (".jpg", 8), (".bmp", 8), (".tif", 8), (".tif", 16)]
)
def test_truncated(
    predict: Callable[..., Outcome], tmp_path: Path, suffix: str, depth: int, share: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 2**depth, (64, 64, 3)).astype(f"uint{depth}")
    whole = encoded(suffix, noise, tmp_path)
    (tmp_path / "in" / f"bad{suffix}").write_bytes(whole[: int(len(whole) * share)])
    outcome = predict()
    outcome.refused(f"bad{suffix}: ")
    assert "truncated or damaged" in outcome.complaints[0]


@pytest.mark.parametrize("depth", [8, 16])
def test_a_flipped_byte_in_a_png(predict: Callable[..., Outcome], tmp_path: Path, depth: int) -> None:
    noise = np.random.default_rng(0).integers(0, 2**depth, (64, 64, 3)).astype(f"uint{depth}")
    content = bytearray(encoded(".png", noise, tmp_path))
    content[len(content) // 2] ^= 0x55
    (tmp_path / "in" / "bad.png").write_bytes(content)
    predict().refused("bad.png: not readable as an image")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_zero_byte(predict: Callable[..., Outcome], tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in" / f"bad{suffix}").touch()
    predict().refused("the file is empty (zero bytes)")


def test_nan_tiff(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    values = np.full((8, 8), 0.5, dtype=np.float32)
    values[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "in" / "bad.tif", values)
    predict().refused("the image has NaN or infinite pixels. Replace them")


def test_animated(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    frames = [PillowImage.new("L", (8, 8), value) for value in (0, 100, 200)]
    frames[0].save(tmp_path / "in" / "bad.png", save_all=True, append_images=frames[1:])
    predict().refused("the file holds 3 pages and none was chosen. Choose one with --page 0 to --page 2")


def test_animated_gif_under_a_false_name(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    frames = [PillowImage.new("L", (8, 8), value) for value in (0, 200)]
    frames[0].save(tmp_path / "in" / "bad.png", format="GIF", save_all=True, append_images=frames[1:])
    predict().refused("the file holds 2 pages")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(suffix: str) -> bytes:
    """A small file that declares 60,000 x 60,000 pixels."""
    side = 60_000
    if suffix == ".png":
        head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        return head + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000, 9)) + chunk(b"IEND", b"")
    if suffix == ".bmp":
        return b"BM" + struct.pack("<IHHIIIIHHIIIIII", 54, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    tags = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, side), (279, 4, 100)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_decompression_bomb(predict: Callable[..., Outcome], tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in" / f"bad{suffix}").write_bytes(bomb(suffix))
    predict().refused(f"declares 3,600 megapixels, more than the {MAX_PIXELS // 10**6} allowed")


def test_between_pillows_limit_and_ours_nothing_is_refused(tmp_path: Path) -> None:
    """Pillow alone refuses 178 megapixels and warns from 89."""
    rows = zlib.compress(b"\0" * (25_001 * 8_000), 1)
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 200_000, 8_000, 1, 0, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    from flawscope import decoding

    limit = PillowImage.MAX_IMAGE_PIXELS
    with pytest.raises(Exception, match="declares 1,600 megapixels"):
        decoding.open_pillow(tmp_path / "a.png")
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 10_000, 1, 0, 0, 0, 0))
    (tmp_path / "b.png").write_bytes(head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    with decoding.open_pillow(tmp_path / "b.png") as opened:
        assert opened.size == (20_000, 10_000)
    assert limit == PillowImage.MAX_IMAGE_PIXELS


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "bad.png", GOOD)
    (tmp_path / "in" / "bad.png").chmod(0)
    predict().refused("permission denied")


# Files that are odd and can be used


def test_one_pixel(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "odd.png", np.array([[250]], dtype=np.uint8))
    record = predict().accepted("odd.png")
    assert (record["width"], record["height"], record["defect_fraction"]) == (1, 1, 1.0)


def test_twenty_thousand_pixels_wide(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    strip = np.full((64, 20_000), 20, dtype=np.uint8)
    strip[:, 10_000:15_000] = 240
    write_image(tmp_path / "in" / "odd.png", strip)
    noted = predict("--report")
    assert [
        line for line in noted.complaints if "odd.png was seen at 1/625 of its size" in line
    ] == noted.complaints
    assert len(noted.complaints) == 1
    record = predict("--report", "--allow-reduction", "--overwrite").accepted("odd.png")
    assert (record["width"], record["height"]) == (20_000, 64)
    x, _, width, height = record["defects"][0]["box"]  # type: ignore[index]
    assert x == pytest.approx(10_000, abs=20_000 / 32)
    assert width == pytest.approx(5_000, abs=20_000 / 32)
    assert height == 64


def test_cmyk(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    paper = np.zeros((32, 32, 4), dtype=np.uint8)
    paper[:16, :, 3] = 255  # black ink on the upper half, bare white paper below
    PillowImage.fromarray(paper, mode="CMYK").save(tmp_path / "in" / "odd.jpg", quality=95)
    record = predict().accepted("odd.jpg")
    assert record["defects"][0]["box"] == [0, 16, 32, 16]  # type: ignore[index]


def test_exif_rotated(predict: Callable[..., Outcome], tmp_path: Path) -> None:
    stored = np.full((32, 64), 20, dtype=np.uint8)
    stored[:, :16] = 240
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise: the left edge comes to the top
    PillowImage.fromarray(stored).save(tmp_path / "in" / "odd.jpg", quality=95, exif=exif)
    record = predict().accepted("odd.jpg")
    assert (record["width"], record["height"]) == (32, 64)
    x, y, width, height = record["defects"][0]["box"]  # type: ignore[index]
    assert (x, y, width) == (0, 0, 32)
    assert height == pytest.approx(16, abs=2)


# Where the command cannot go on


def fails(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """Run, expect exit code 2 and exactly one line; return it."""
    assert run(arguments) == 2
    said = capfd.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert "internal error" not in line
    return line


def test_a_directory_without_images(
    tmp_path: Path, bright_weights: Weights, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    line = fails(
        ["predict", str(tmp_path / "in"), "--weights", str(bright_weights()), "--out", str(out)], capfd
    )
    assert f"{tmp_path / 'in'}: no image in this folder or below it" in line
    assert not out.exists()


def test_a_mask_without_image(
    tmp_path: Path, bright_weights: Weights, capfd: pytest.CaptureFixture[str]
) -> None:
    """Evaluation goes on with the rest and names it; the examination calls it an error."""
    for name in ("a", "b"):
        write_image(tmp_path / "set" / "images" / f"{name}.png", GOOD)
        write_image(tmp_path / "set" / "masks" / f"{name}.png", (GOOD > 128) * np.uint8(255))
    write_image(tmp_path / "set" / "masks" / "lonely.png", (GOOD > 128) * np.uint8(255))
    report = tmp_path / "report.json"
    arguments = ["--weights", str(bright_weights()), "--data", str(tmp_path / "set"), "--json", str(report)]
    assert run(["evaluate", *arguments]) == 0
    said = capfd.readouterr()
    (line,) = [line for line in said.out.splitlines() if line.startswith("note: ") and "lonely" in line]
    assert "lonely.png: a mask without an image" in line
    assert said.err == ""
    assert json.loads(report.read_text())["images"] == 2
    assert run(["data", "check", str(tmp_path / "set")]) != 0
    assert "lonely" in capfd.readouterr().out


class Explosive:
    """Unpickling it would create a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.mkdir, (str(self.trace),))


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.ckpt", "w.pkl", "w.onnx", "w.safetensors"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_pickle_with_code_in_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, zipped: bool
) -> None:
    trace, weights = tmp_path / "it-ran", tmp_path / name
    if zipped:
        torch = pytest.importorskip("torch")
        torch.save({"weight": Explosive(trace)}, weights)
    else:
        weights.write_bytes(pickle.dumps({"weight": Explosive(trace)}))
    write_image(tmp_path / "a.png", GOOD)
    out = tmp_path / "out"
    line = fails(["predict", str(tmp_path / "a.png"), "--weights", str(weights), "--out", str(out)], capfd)
    if zipped or name.rpartition(".")[2] not in ("onnx", "safetensors"):
        assert "a pickled checkpoint, which can run code when loaded" in line
        assert f"flawscope models convert {weights} --out w-converted.safetensors" in line
    assert not trace.exists()
    assert not out.exists()

    # The trap is armed: a program that does unpickle the file springs it.
    if not zipped:
        pickle.loads(weights.read_bytes())
        assert trace.exists()


def test_a_torn_mask_source_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Masks go through the same door as images."""
    from flawscope.errors import ImageError
    from flawscope.images import read_mask

    (tmp_path / "m.png").write_bytes(encoded(".png", GOOD, tmp_path)[:60])
    with pytest.raises(ImageError, match=r"m\.png: not readable as a mask"):
        read_mask(tmp_path / "m.png")


def test_weights_of_another_shape(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from flawscope.segment.header import HEADER_KEY, Header

    header = Header(model="ocinet-nano", imgsz=(64, 64), labels=("pit",))
    save_file({"stem": torch.zeros(3)}, tmp_path / "w.safetensors", metadata={HEADER_KEY: header.dumps()})
    write_image(tmp_path / "a.png", GOOD)
    arguments = ["predict", str(tmp_path / "a.png"), "--weights", str(tmp_path / "w.safetensors")]
    line = fails([*arguments, "--out", str(tmp_path / "out")], capfd)
    assert "the weights do not fit the network" in line
    assert "1 left over (stem)" in line


def test_a_missing_extra(tmp_path: Path, without: Callable[..., str]) -> None:
    from flawscope.segment.header import HEADER_KEY, Header

    header = json.dumps(
        {"__metadata__": {HEADER_KEY: Header(model="m", imgsz=(8, 8), labels=("a",)).dumps()}}
    )
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    write_image(tmp_path / "a.png", GOOD)
    script = without("torch") + "from flawscope.cli import main; main()"
    weights = ["--weights", str(tmp_path / "w.safetensors")]
    for arguments in (
        ["predict", str(tmp_path / "a.png"), *weights, "--out", str(tmp_path / "out")],
        ["export", *weights, "--out", str(tmp_path / "a.onnx")],
    ):
        ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
        assert ran.returncode == 2
        assert ran.stderr.splitlines() == [
            "error: this needs the package 'torch', which is not installed. "
            "Install it with: pip install 'flawscope[train]'"
        ]
    assert not (tmp_path / "out").exists()


# A disk that fills up


def test_disk_full_while_writing(
    tmp_path: Path,
    bright_weights: Weights,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The disk takes 5 files and is then full; with space again, --resume finishes."""
    for number in range(12):
        write_image(tmp_path / "in" / f"{number:02d}.png", GOOD)
    genuine, written = Path.write_bytes, []

    def fill(self: Path, content: bytes) -> int:
        if len(written) >= 5:
            genuine(self, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        written.append(self)
        return genuine(self, content)

    arguments = [
        "predict",
        str(tmp_path / "in"),
        "--weights",
        str(bright_weights()),
        "--out",
        str(tmp_path / "out"),
    ]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", fill)
        line = fails(arguments, capfd)
    assert "could not write: no space left on device. Free some space" in line
    out = tmp_path / "out"
    records = [json.loads(entry) for entry in (out / "results.jsonl").read_text().splitlines()]
    assert [Path(record["source"]).name for record in records] == ["00.png", "01.png"]
    for path in out.rglob("*.png"):
        read_image(path)
    assert not list(out.rglob(".*"))
    assert run([*arguments, "--resume"]) == 0
    Outcome(0, out, []).consistent()
    assert len((out / "results.jsonl").read_text().splitlines()) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE by the kernel is tested on Linux")
def test_a_limit_of_the_kernel_on_file_size(tmp_path: Path, bright_weights: Weights) -> None:
    """The kernel itself refuses to grow any file beyond 4 KiB: no mock between us and the error."""
    for number in range(40):
        write_image(tmp_path / "in" / f"{number:02d}.png", GOOD)
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from flawscope.cli import main; main()\n"
    )
    arguments = [
        "predict",
        str(tmp_path / "in"),
        "--weights",
        str(bright_weights()),
        "--out",
        str(tmp_path / "out"),
    ]
    ran = subprocess.run(
        [sys.executable, "-B", "-c", script, *arguments], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert "could not write: file too large" in line
    listed = (tmp_path / "out" / "results.jsonl").read_bytes()
    assert 0 < len(listed) <= 4096
    assert listed.endswith(b"\n")  # the line that did not fit was taken back
    assert all(json.loads(entry)["files"] for entry in listed.splitlines())
    assert not list((tmp_path / "out").rglob(".*"))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_run_that_was_killed(tmp_path: Path, bright_weights: Weights, program: list[str]) -> None:
    """What is listed after kill -9 is whole, and --resume does exactly the rest."""
    large = np.kron(GOOD, np.ones((10, 10), dtype=np.uint8))
    one = write_image(tmp_path / "in" / "000.png", large).read_bytes()
    for number in range(1, 300):
        (tmp_path / "in" / f"{number:03d}.png").write_bytes(one)
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path / "in"), "--weights", str(bright_weights()), "--out", str(out)]
    process = subprocess.Popen([*program, *arguments], stdout=subprocess.DEVNULL)
    listed = out / "results.jsonl"
    deadline = time.monotonic() + 60
    while not (listed.exists() and listed.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait(timeout=60)
    done = listed.read_bytes().count(b"\n")
    assert 3 <= done < 300
    for path in (out / "masks").glob("[0-9]*.png"):  # temporary names begin with a dot
        assert read_image(path).shape == (320, 320, 3)
    assert run([*arguments, "--resume"]) == 0
    records = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [record["key"] for record in records] == [f"{number:03d}" for number in range(300)]
    assert all((out / file).is_file() for record in records for file in record["files"].values())
