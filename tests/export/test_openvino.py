"""OpenVINO pairs: written whole or not at all, in fp32, bf16 and int8, with what they need inside."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.errors import UsageError
from flawscope.export import GATES, Gate, Shown, parity
from flawscope.machine import commit
from flawscope.segment import load
from flawscope.segment.header import Header
from flawscope.segment.openvino_runtime import openvino

pytest.importorskip("openvino")

TRACED: dict[tuple[Any, ...], Any] = {}


@pytest.fixture(autouse=True)
def traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """``taught`` leaves torch once for all of this file: tracing takes longer than all else together."""
    from flawscope.export import command

    def to_onnx(
        network: Any, header: Header, *, half: bool, free_size: bool, real: Any = command.to_onnx
    ) -> Any:
        key = header.model, header.imgsz, half, free_size
        if key not in TRACED:
            TRACED[key] = real(network, header, half=half, free_size=free_size)
        return TRACED[key]

    monkeypatch.setattr(command, "to_onnx", to_onnx)


def exported(taught: Path, out: Path, *options: str | Path) -> dict:
    report = out.with_suffix(".json")
    arguments = ["export", "--weights", taught, "--out", out, "--json", report, *options]
    assert run(list(map(str, arguments))) == 0
    return json.loads(report.read_text())


@pytest.mark.train
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_floating_point(taught: Path, labelled: Path, tmp_path: Path, precision: str) -> None:
    out = tmp_path / "line.xml"
    told = exported(
        taught,
        out,
        "--precision",
        precision,
        "--data",
        labelled,
        "--mm-per-px",
        "0.05,0.1",
        "--calibration",
        "c1",
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["line.bin", "line.json", "line.xml"]
    assert (told["format"], told["precision"], told["quantised"]) == ("openvino", precision, None)
    assert told["bytes"] == out.stat().st_size + out.with_suffix(".bin").stat().st_size
    assert out.with_suffix(".bin").stat().st_size < 1.24 * taught.stat().st_size
    found = told["parity"]
    assert (found["images"], found["labelled"], found["defective"], found["clean"]) == (16, 16, 16, 0)
    assert 0 < found["found_exported"] == pytest.approx(found["found"], rel=0.01)
    assert found["iou_tells"]
    assert found["iou_source"] > 0.75
    assert found["iou_drop_points"] <= GATES[precision].iou_drop
    assert found["equal_labels"] >= GATES[precision].equal_labels
    header = load(out, device="cpu").header
    assert header.precision == precision
    origin = header.provenance["exported"]
    assert origin["commit"] == commit()
    assert (origin["parity"]["images"], origin["parity"]["defective"]) == (16, 16)
    for name in ("worst_labels", "equal_labels", "iou_source", "iou_exported"):
        assert origin["parity"][name] == pytest.approx(found[name], abs=1e-6)
    assert header.calibration is not None
    assert header.calibration.model_dump() == {"id": "c1", "mm_per_px_x": 0.05, "mm_per_px_y": 0.1}
    assert str(Path.cwd()) not in out.read_text()


@pytest.mark.train
@pytest.mark.slow
def test_int8(taught: Path, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nncf")
    out = tmp_path / "line.xml"
    told = exported(
        taught, out, "--precision", "int8", "--data", labelled, "--images", "8", "--keep", "reasoner/*"
    )
    assert out.with_suffix(".bin").stat().st_size < 0.9 * taught.stat().st_size
    done = told["quantised"]
    assert done["kept"][0] == "reasoner/*"
    assert 0.4 < done["share_of_multiply_adds"] < 0.9
    assert told["parity"]["iou_drop_points"] <= 0.5
    header = load(out, device="cpu").header
    assert header.provenance["exported"]["kept"] == done["kept"]
    screen = " ".join(capsys.readouterr().out.split())
    assert "calibrating on 12 images" in screen
    assert f"layers in int8 {done['in_int8']} of {done['layers']}" in screen
    model = openvino().Core().read_model(out)
    assert str(model.input().partial_shape) == "[?,3,64,96]"
    quantised = {
        consumer.get_node().get_friendly_name()
        for node in model.get_ops()
        if node.get_type_name() == "FakeQuantize"
        for consumer in node.output(0).get_target_inputs()
    }
    assert quantised
    assert not any(name.startswith("reasoner/") and "Conv" in name for name in quantised)


@pytest.mark.train
def test_a_pair_that_says_something_else_is_not_written(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bright_weights: Callable[..., Path]
) -> None:
    from flawscope.export import command

    wrong = bright_weights("wrong", imgsz=(64, 96), labels=("pit",)).read_bytes()
    monkeypatch.setattr(command, "from_onnx", lambda content, real=command.from_onnx: real(wrong))
    assert run(["export", "--weights", str(taught), "--out", str(tmp_path / "a.xml")]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.train
@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["a.onnx", "--precision", "bf16"],
            "--precision bf16: there is no onnx export in bf16. Give --format openvino",
        ),
        (
            ["a.onnx", "--precision", "int8"],
            "--precision int8: there is no onnx export in int8. Give --format openvino",
        ),
        (
            ["a.onnx", "--format", "openvino"],
            "a.onnx: the file to write must end in .xml. Give --out FILE.xml",
        ),
        (["a.xml", "--format", "onnx"], "a.xml: the file to write must end in .onnx. Give --out FILE.onnx"),
        (["a.xml", "--precision", "int8"], "--precision int8: int8 is calibrated on images. Give --data"),
        (["a.xml", "--keep", "x"], "--keep: only int8 changes layers. Give --precision int8"),
        (["a.xml", "--imgsz", "1,2,3"], "--imgsz 1,2,3: not one or two numbers. Try --imgsz 256"),
        (["a.xml", "--imgsz", "0"], "--imgsz 0: height and width must be whole numbers from 32 to 4096"),
        (["a.xml", "--mm-per-px", "0"], "--mm-per-px 0: a pixel has a size above 0. Give millimetres"),
        (["a.xml", "--mm-per-px", "nan,1"], "--mm-per-px nan,1: a pixel has a size above 0"),
        (["a.xml", "--calibration", "c1"], "--calibration: its size of a pixel is missing. Give --mm-per-px"),
        (["a.xml", "--split", "test"], "--split: there is no dataset to divide. Give --data"),
    ],
)
def test_usage(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    name, *others = options
    assert run(["export", "--weights", str(taught), "--out", str(tmp_path / name), *others]) == 2
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_stranger_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    from flawscope.export.openvino import pair

    (tmp_path / "a.bin").write_bytes(b"somebody's")
    with pytest.raises(UsageError, match=r"a\.bin: would be overwritten"), pair(tmp_path / "a.xml"):
        pass
    assert (tmp_path / "a.bin").read_bytes() == b"somebody's"


def test_both_files_or_none(tmp_path: Path) -> None:
    from flawscope.export.openvino import pair

    def begin(file: Path, fail: bool) -> None:
        with pair(file) as made:
            made.write_text("graph")
            assert list(file.parent.glob("a.*")) == []
            made.with_suffix(".bin").write_bytes(b"weights")
            if fail:
                raise ValueError("halfway")

    file = tmp_path / "new" / "a.xml"
    with pytest.raises(ValueError, match="halfway"):
        begin(file, True)
    assert list(file.parent.iterdir()) == []
    begin(file, False)
    assert (file.read_text(), file.with_suffix(".bin").read_bytes()) == ("graph", b"weights")
    assert len(list(file.parent.iterdir())) == 2


def test_another_header_changes_nothing_else(bright_weights: Callable[..., Path], tmp_path: Path) -> None:
    from flawscope.export.openvino import from_onnx, write_header_again, write_openvino

    weights = bright_weights("bright", imgsz=(16, 16))
    header = load(weights, device="cpu").header
    file = write_openvino(from_onnx(weights.read_bytes()), header, tmp_path / "a.xml")
    before, stored = load(file, device="cpu"), file.with_suffix(".bin").read_bytes()
    text = file.read_text(encoding="utf-8")
    awkward = {"note": "a \"b\" <c> & 'd' \\1 \n é", "exported": {"parity": {"images": 3}}}
    write_header_again(file, header.model_copy(update={"provenance": awkward}))
    after = load(file, device="cpu")
    assert after.header.provenance == awkward
    assert after.header.model_copy(update={"provenance": header.provenance}) == header
    assert file.with_suffix(".bin").read_bytes() == stored
    batch = np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)
    np.testing.assert_array_equal(after.engine.run(batch), before.engine.run(batch))
    write_header_again(file, header)
    assert file.read_text(encoding="utf-8") == text


class TestToy:
    """One convolution that calls bright pixels defects, on images with greys that 8 bits cannot tell apart."""

    @pytest.fixture
    def toy(self, bright_weights: Callable[..., Path]) -> Path:
        pytest.importorskip("nncf")
        return bright_weights("toy-int8", imgsz=(16, 16))

    @pytest.fixture
    def shown(self) -> list[Shown]:
        rng = np.random.default_rng(0)
        images = rng.random((6, 16, 16, 3), dtype=np.float32)
        images[:, 0] = 0.5 + rng.choice([-1e-4, 1e-4], (6, 16, 1))
        return [Shown(image, (image.mean(axis=2) > 0.5).astype(np.uint8)) for image in images]

    def test_int8_and_back_where_it_costs_too_much(
        self, toy: Path, shown: list[Shown], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from flawscope.export.int8 import quantise
        from flawscope.export.openvino import from_onnx, write_openvino

        source = load(toy, device="cpu")
        content = toy.read_bytes()
        lenient = {**GATES, "int8": Gate(0.5, 20.0)}
        monkeypatch.setattr("flawscope.export.scoring.GATES", lenient)
        done = quantise(from_onnx(content), source, source.header, shown)
        assert (done.layers, done.in_int8, done.share, done.kept) == (1, 1, 1.0, ())
        written = load(write_openvino(done.model, source.header, tmp_path / "a.xml"), device="cpu")
        found = parity(source, written, shown)
        assert 0.001 < found.max_difference < 0.2
        monkeypatch.setattr("flawscope.export.scoring.GATES", {**GATES, "int8": Gate(1.0, 0.0)})
        lines: list[str] = []
        with pytest.raises(UsageError, match=r"no part of this network bears int8\. Give --precision bf16"):
            quantise(from_onnx(content), source, source.header, shown, tell=lines.append)
        assert lines[0] == "calibrating on 6 images"
        assert lines[2] == "looking for what costs most among 1 parts"
        assert lines[-1].startswith("int8 in 0 of 1 layers, 0.0% of the work: +0.00 points lost")
        with pytest.raises(UsageError, match="nothing is left that could be in int8"):
            quantise(from_onnx(content), source, source.header, shown, keep=["*"])

    def test_the_costliest_part_is_named(self, toy: Path, shown: list[Shown]) -> None:
        from flawscope.export.int8 import costliest
        from flawscope.export.openvino import from_onnx

        source = load(toy, device="cpu")
        model = from_onnx(toy.read_bytes())
        (name,) = [
            node.get_friendly_name() for node in model.get_ops() if node.get_type_name() == "Convolution"
        ]
        assert fnmatch.fnmatchcase(name, costliest(model, source.header, shown))

    def test_a_layer_that_is_not_there(self, toy: Path, shown: list[Shown]) -> None:
        from flawscope.export.int8 import quantise
        from flawscope.export.openvino import from_onnx

        source = load(toy, device="cpu")
        with pytest.raises(
            UsageError, match=r"--keep haed/\*: no layer has such a name\. There are 1, such as"
        ):
            quantise(from_onnx(toy.read_bytes()), source, source.header, shown, keep=["haed/*"])


@pytest.mark.train
def test_what_this_processor_could_not_compare_is_noted(
    taught: Path,
    labelled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("flawscope.segment.openvino_network.inference_type", lambda header, core: "f32")
    monkeypatch.setattr("flawscope.export.command.inference_type", lambda header, core: "f32")
    told = exported(taught, tmp_path / "a.xml", "--precision", "bf16", "--data", labelled, "--images", "2")
    assert any("this CPU has no bf16, so it was compared in fp32" in note for note in told["notes"])
    assert caplog.records == []  # it would name the temporary file
    load(tmp_path / "a.xml", device="cpu")
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == [str(tmp_path / "a.xml")]


@pytest.mark.train
def test_int8_of_another_part(taught: Path, labelled: Path, tmp_path: Path) -> None:
    from flawscope.export.command import _plan
    from flawscope.export.request import Data, Wanted

    splits = tmp_path / "splits.json"
    rows = [{"image": f"images/{number:02}.png", "mask": f"masks/{number:02}.png"} for number in range(20)]
    splits.write_text(json.dumps({"train": rows[:15], "val": [], "test": rows[15:]}))
    data = Data(labelled, splits, "test", images=2, int8_split="train")
    plan = _plan(data, Wanted("openvino", "int8"))
    assert (len(list(plan.compared())), len(list(plan.calibrating())), plan.notes) == (2, 15, ())
    both = Data(labelled, splits, "train", images=2, int8_split="train")
    assert len(list(_plan(both, Wanted("openvino", "int8")).calibrating())) == 13
    with pytest.raises(UsageError, match=r"--int8-split: only int8 is calibrated\. Give --precision int8"):
        _plan(data, Wanted("openvino", "bf16"))
