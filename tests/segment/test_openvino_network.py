"""Networks on OpenVINO say what onnxruntime says, and refuse a pair that is not whole."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import UsageError, WeightsError
from flawscope.segment import load
from flawscope.segment.header import HEADER_KEY, Header, PixelSize
from flawscope.segment.header_writing import write_with_header
from flawscope.segment.openvino_network import inference_type

pytest.importorskip("openvino")
pytest.importorskip("onnx")

SIZE = PixelSize(id="line-1", mm_per_px_x=0.05, mm_per_px_y=0.08)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, bright_weights: Callable[..., Path]) -> Path:
    """A folder of two toy pairs: ``one`` with one class, ``two`` with two, and the ONNX files they come from."""
    from flawscope.export.openvino import from_onnx, write_openvino

    folder = tmp_path_factory.mktemp("pairs")
    for name, labels in (("one", ("pit",)), ("two", ("red", "green"))):
        source = bright_weights(f"ov-{name}", imgsz=(16, 24), labels=labels, calibration=SIZE, threshold=0.4)
        shutil.copy(source, folder / f"{name}.onnx")
        header = load(source, device="cpu").header
        write_openvino(from_onnx(source.read_bytes()), header, folder / f"{name}.xml", half=name == "one")
    return folder


def image(height: int = 30, width: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_same_answers_as_onnxruntime(pairs: Path, name: str) -> None:
    here = load(pairs / f"{name}.xml", device="cpu", threads=1)
    there = load(pairs / f"{name}.onnx", device="cpu")
    batch = [image(), image(16, 24), image(5, 60)]
    for one, two in zip(here.segment_batch(batch), there.segment_batch(batch), strict=True):
        assert one.probability.dtype == np.float32
        np.testing.assert_allclose(one.probability, two.probability, atol=5e-3)
    assert here.header == there.header
    assert here.header.calibration == SIZE
    result = here.predict(image(), threshold=0.7)
    assert (result.threshold, result.weights) == (0.7, name)
    assert here.predict(image()).threshold == 0.4


def test_several_at_once_say_what_one_at_a_time_says(pairs: Path) -> None:
    """Two infer requests asked by four threads in batches of three: nobody waits for ever, no answer is swapped."""
    one = load(pairs / "one.xml", device="cpu", threads=2)
    many = load(pairs / "one.xml", device="cpu", threads=2, throughput=True)
    assert one.at_once == 1
    if len(os.sched_getaffinity(0)) > 1:
        assert many.at_once == 2
    batches = np.random.default_rng(0).standard_normal((40, 3, 3, 16, 24)).astype(np.float32)
    expected = [one.engine.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(many.engine.run, batches, timeout=60))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_predict_writes_the_same_results(pairs: Path, tmp_path: Path) -> None:
    from PIL import Image as PillowImage

    from flawscope.cli.app import run

    PillowImage.fromarray(image()).save(tmp_path / "a.png")
    told = []
    for suffix in ("xml", "onnx"):
        out, report = tmp_path / suffix, tmp_path / f"{suffix}.json"
        arguments = ["predict", tmp_path / "a.png", "--weights", pairs / f"one.{suffix}", "--out", out]
        assert (
            run([*map(str, arguments), "--threshold", "0.6", "--device", "cpu", "--json", str(report)]) == 0
        )
        (result,) = json.loads(report.read_text())["results"]
        mask = np.array(PillowImage.open(out / "masks" / "a.png"))
        told.append((set(result), len(result["defects"]), int(mask.sum())))
    assert told[0] == told[1]
    assert told[0][1] > 0


def copied(pairs: Path, folder: Path) -> Path:
    for suffix in (".xml", ".bin"):
        shutil.copy(pairs / f"one{suffix}", folder / f"one{suffix}")
    return folder / "one.xml"


def test_a_pair_that_is_not_whole_is_refused(pairs: Path, tmp_path: Path) -> None:
    file = copied(pairs, tmp_path)
    weights = file.with_suffix(".bin")
    whole, text = weights.read_bytes(), file.read_text()
    for content in (whole[:-1], b"", b"\x01" + whole[1:], (pairs / "two.bin").read_bytes()):
        weights.write_bytes(content)
        with pytest.raises(WeightsError, match=r"one\.xml: one\.bin beside it is cut short, changed or of"):
            load(file)
    weights.unlink()
    with pytest.raises(WeightsError, match=r"one\.xml: one\.bin is not beside it\. Copy both files again"):
        load(file)
    weights.write_bytes(whole)
    for broken in (text[: len(text) // 2], "", "no XML at all"):
        file.write_text(broken)
        with pytest.raises(WeightsError, match=r"one\.xml: not readable as an OpenVINO network"):
            load(file)
    file.write_text(text.replace("Convolution", "Convolusion"))
    with pytest.raises(WeightsError, match=r"one\.xml: not loadable as an OpenVINO network"):
        load(file)
    file.write_text(text.replace("bin_sha256", "other"))
    with pytest.raises(WeightsError, match="without Flawscope's header"):
        load(file)
    file.write_text(text.replace("[16,24]", "[24,16]"))
    with pytest.raises(WeightsError, match="its header says 3x24x16 to 1 channels"):
        load(file)


def test_usage(pairs: Path) -> None:
    with pytest.raises(UsageError, match="--device cuda:0: an OpenVINO network runs on the CPU"):
        load(pairs / "one.xml", device="cuda:0")
    with pytest.raises(WeightsError, match=r"one\.bin: the weights of an OpenVINO network .* Give one\.xml"):
        load(pairs / "one.bin")


class Processor:
    """Stands for ``openvino.Core`` on a machine of our choice."""

    def __init__(self, *capabilities: str) -> None:
        self.capabilities = ["FP32", "INT8", *capabilities]

    def get_property(self, device: str, name: str) -> list[str]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return self.capabilities


@pytest.mark.parametrize(
    ("precision", "capabilities", "expected"),
    [
        ("fp32", ["BF16"], "f32"),
        ("int8", ["BF16"], "bf16"),
        ("int8", [], "f32"),
        ("bf16", ["BF16"], "bf16"),
        ("bf16", [], "f32"),
    ],
)
def test_bf16_only_where_the_file_asks_and_the_processor_can(
    precision: Any, capabilities: list[str], expected: str
) -> None:
    header = Header(model="toy", imgsz=(32, 32), labels=("pit",), precision=precision)
    assert inference_type(header, Processor(*capabilities)) == expected


def test_a_processor_without_bf16_is_told_once(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flawscope.segment import openvino_network

    file = copied(pairs, tmp_path)
    told = json.dumps({"precision": "bf16"})[1:-1].replace('"', "&quot;")
    text = file.read_text()
    file.write_text(text.replace("{&quot;schema&quot;", "{" + told + ",&quot;schema&quot;", 1))
    monkeypatch.setattr(openvino_network, "inference_type", lambda header, core: "f32")
    with caplog.at_level(logging.WARNING, logger="flawscope"):
        assert load(file).header.precision == "bf16"
    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: this CPU has no bf16, so the network runs in fp32"
    ]


def test_nothing_is_sent_printed_or_kept(pairs: Path, tmp_path: Path) -> None:
    """In a fresh process with an empty home: OpenVINO's own import would leave files there and send an event."""
    file = copied(pairs, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, numpy as np; from flawscope.segment import load; assert 'openvino' not in sys.modules; "
        f"load({str(file)!r}).predict(np.zeros((9, 9, 3), np.uint8)); "
        "assert sys.modules['openvino_telemetry'] is None; assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=home, env=environment, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "one.bin", "one.xml"]


def test_headers_say_no_more_than_they_must() -> None:
    plain = Header(model="toy", imgsz=(32, 32), labels=("pit",))
    assert not {"precision", "calibration"} & set(json.loads(plain.dumps()))
    full = plain.model_copy(update={"precision": "int8", "calibration": SIZE})
    assert json.loads(full.dumps())["calibration"] == {
        "id": "line-1",
        "mm_per_px_x": 0.05,
        "mm_per_px_y": 0.08,
    }
    assert Header.loads(full.dumps(), HEADER_KEY) == full
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="mm_per_px_x"):
            PixelSize(id="line-1", mm_per_px_x=wrong, mm_per_px_y=0.05)


def test_a_threshold_goes_into_a_copy_of_a_pair(pairs: Path, tmp_path: Path) -> None:
    source = pairs / "two.xml"
    before = load(source, device="cpu", threads=1)
    header = before.header.model_copy(
        update={"threshold": 0.123, "provenance": {"note": "<\"quoted\"> & 'so'"}}
    )
    stored = source.read_bytes()
    write_with_header(source, header, tmp_path / "new.xml")
    after = load(tmp_path / "new.xml", device="cpu", threads=1)
    assert after.header == header
    np.testing.assert_array_equal(after.segment(image()).probability, before.segment(image()).probability)
    assert source.read_bytes() == stored
    # again, in place
    write_with_header(
        tmp_path / "new.xml", header.model_copy(update={"threshold": 0.9}), tmp_path / "new.xml"
    )
    assert load(tmp_path / "new.xml", device="cpu").threshold == 0.9


def test_another_files_bin_is_not_overwritten(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "new.bin").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"new\.bin: would be overwritten"):
        write_with_header(
            pairs / "one.xml", load(pairs / "one.xml", device="cpu").header, tmp_path / "new.xml"
        )
    assert (tmp_path / "new.bin").read_bytes() == b"mine"
