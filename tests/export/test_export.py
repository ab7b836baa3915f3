"""The exported file says what the trained network said, is half the size, and is refused when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from flawscope.errors import UsageError, WeightsError
from flawscope.export import Shown, parity
from flawscope.machine import commit
from flawscope.segment import load


@pytest.fixture(scope="module")
def exported(trained: Path, photographs: Path) -> Path:
    """The export as the command line makes it, checked on three images; its report lies beside it."""
    from flawscope.cli.app import run

    out, report = trained.parent / "nano.onnx", trained.parent / "report.json"
    arguments = ["--weights", trained, "--out", out, "--half", "--data", photographs, "--json", report]
    assert run(["export", *map(str, arguments)]) == 0
    return out


@pytest.mark.train
def test_exported_and_trained_agree_at_any_size_and_batch(
    trained: Path, exported: Path, noisy: Callable[..., np.ndarray]
) -> None:
    one, two = load(trained, device="cpu"), load(exported, device="cpu")
    agreement = parity(one, two, [Shown(noisy(0)), Shown(noisy(1, 50, 200)), Shown(noisy(2, 111, 33))])
    assert agreement.equal_labels >= 0.999
    assert agreement.max_difference < 2e-3
    origin = two.header.provenance["exported"]
    assert (origin["from"], len(origin["sha256"])) == ("nano.safetensors", 12)
    assert origin["commit"] == commit()
    told = json.loads((exported.parent / "report.json").read_text())["parity"]
    assert origin["parity"]["images"] == told["images"] == 3
    assert origin["parity"]["worst_labels"] == pytest.approx(told["worst_labels"], abs=1e-6)
    assert (origin["parity"]["defective"], origin["parity"]["iou_source"]) == (0, None)
    assert two.header.model_copy(update={"provenance": {}}) == one.header
    batch = np.random.default_rng(0).standard_normal((3, 3, 64, 96)).astype(np.float32)
    np.testing.assert_allclose(two.engine.run(batch), one.engine.run(batch), atol=2e-3)


@pytest.mark.train
def test_weights_are_stored_in_half_and_nothing_of_the_exporting_machine(
    trained: Path, exported: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    assert exported.stat().st_size < 0.62 * trained.stat().st_size
    model = onnx.load(exported)
    large = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) >= 64]
    assert all(
        tensor.data_type == onnx.TensorProto.FLOAT16
        for tensor in large
        if tensor.data_type != onnx.TensorProto.INT64
    )
    assert model.opset_import[0].version >= 18
    content = exported.read_bytes()
    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content
    assert [entry.key for entry in model.metadata_props] == ["flawscope"]


@pytest.mark.train
def test_weights_keep_their_bits(trained: Path, exported: Path, tmp_path: Path) -> None:
    from flawscope.segment.network import load_network, save_safetensors, stored_in_half

    short = save_safetensors(
        load_network(trained), load(trained).header, tmp_path / "short.safetensors", half=True
    )
    assert stored_in_half(short)
    assert not stored_in_half(trained)


@pytest.mark.train
def test_values_that_sixteen_bits_cannot_hold_stay(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from flawscope.export.onnx import halve

    weights = {"big": np.full(64, 1e6), "fits": np.linspace(-1, 1, 64), "few": np.ones(3)}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["fits"], ["out"])],
        "g",
        [],
        [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [64])],
        [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    assert halve(model) == 1
    assert {tensor.name for tensor in model.graph.initializer} == {"big", "fits.half", "few"}
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = weights["fits"].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(session.run(None, {})[0], expected)


@pytest.mark.train
def test_the_report_of_the_verb(exported: Path) -> None:
    report = json.loads((exported.parent / "report.json").read_text())
    assert report["schema"] == "flawscope/export/1"
    assert report["bytes"] == exported.stat().st_size
    assert (report["format"], report["precision"], report["half"]) == ("onnx", "fp32", True)
    assert report["gate"] == {"equal_labels": 0.999, "iou_drop_points": 0.2}
    assert report["parity"]["iou_drop_points"] is None
    assert (report["parity"]["images"], report["parity"]["pixels"]) == (3, 3 * 64 * 96)
    assert report["parity"]["equal_labels"] >= 0.999


@pytest.mark.train
def test_a_file_that_says_something_else_gets_no_name(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bright_weights: Callable[..., Path],
    photographs: Path,
) -> None:
    from flawscope.export import command
    from flawscope.export.request import Data

    wrong = bright_weights("wrong", imgsz=(64, 96), labels=("pit",))
    monkeypatch.setattr(
        command, "write_onnx", lambda network, header, path, **_: path.write_bytes(wrong.read_bytes())
    )
    with pytest.raises(WeightsError, match="of the pixels keep their label after export"):
        command.export_checked(trained, tmp_path / "a.onnx", data=Data(photographs))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.train
def test_usage(tmp_path: Path, bright_weights: Callable[..., Path], trained: Path) -> None:
    from flawscope.export.command import export_checked
    from flawscope.export.request import Data

    with pytest.raises(UsageError, match=r"exported already \(\.onnx\)"):
        export_checked(bright_weights(), tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="no image in this folder"):
        export_checked(trained, tmp_path / "a.onnx", data=Data(tmp_path))


@pytest.mark.train
def test_nodes_are_named_after_their_modules(exported: Path) -> None:
    onnx = pytest.importorskip("onnx")
    names = [node.name for node in onnx.load(exported).graph.node if node.op_type == "Conv"]
    assert len(set(names)) == len(names)
    parts = {name.split("/")[0] for name in names}
    assert {"backbone", "adjustment", "interactions", "reasoner"} <= parts


@pytest.mark.train
def test_another_input_size_travels_with_the_file(trained: Path, tmp_path: Path, photographs: Path) -> None:
    from flawscope.export.command import export_checked
    from flawscope.export.request import Data, Wanted

    written = export_checked(trained, tmp_path / "a.onnx", Wanted(imgsz=(96, 64)), Data(photographs))
    assert written.wanted.half is False
    assert written.size > 0.9 * trained.stat().st_size
    assert load(written.path, device="cpu").header.imgsz == (96, 64)
    with pytest.raises(UsageError, match=r"--imgsz: ocinet-nano cannot take images of 0x64 pixels"):
        export_checked(trained, tmp_path / "b.onnx", Wanted(imgsz=(0, 64)), Data(photographs))
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.train
def test_clean_masks_are_noted(trained: Path, tmp_path: Path, photographs: Path) -> None:
    """They tell nothing of an IoU, which the report says."""
    from flawscope.export.command import export_checked
    from flawscope.export.request import Data

    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for image in photographs.iterdir():
        (tmp_path / "images" / image.name).write_bytes(image.read_bytes())
        PillowImage.new("L", (96, 64)).save(tmp_path / "masks" / image.name)
    written = export_checked(trained, tmp_path / "a.onnx", data=Data(tmp_path))
    assert (written.parity.labelled, written.parity.defective, written.parity.iou_source) == (3, 0, None)
    assert [note.split(":")[0] for note in written.notes] == ["no image holds a defect by its mask"]


@pytest.mark.train
@pytest.mark.slow
def test_a_free_size(trained: Path, tmp_path: Path, photographs: Path) -> None:
    from flawscope.export.command import export_checked
    from flawscope.export.request import Data, Wanted

    written = export_checked(trained, tmp_path / "a.onnx", Wanted(free_size=True), Data(photographs))
    here, there = load(written.path, device="cpu"), load(trained, device="cpu")
    assert here.header.imgsz == (64, 96)
    for size in ((96, 64), (128, 320)):
        batch = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
        np.testing.assert_allclose(here.engine.run(batch), there.engine.run(batch), atol=2e-3)
    with pytest.raises(
        UsageError, match="--free-size: a free size goes in multiples of 32 from 64 up, and the"
    ):
        export_checked(
            trained, tmp_path / "b.onnx", Wanted(free_size=True, imgsz=(64, 100)), Data(photographs)
        )


@pytest.mark.train
def test_a_shipped_name_is_exported_from_what_it_was_trained_as(tmp_path: Path, photographs: Path) -> None:
    from flawscope.cli.app import run

    pytest.importorskip("onnxscript")
    out = tmp_path / "tiny.onnx"
    options = ["--imgsz", "64", "--data", str(photographs), "--images", "1"]
    assert run(["export", "--weights", "ocinet-tiny", "--out", str(out), *options]) == 0
    assert load(out, device="cpu").header.provenance["exported"]["from"] == "ocinet-tiny.safetensors"
