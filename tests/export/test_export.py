"""The exported file says what the trained network said, is half the size, and is refused when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from flawscope.errors import UsageError, WeightsError
from flawscope.export import Parity, parity
from flawscope.images import Image
from flawscope.segment import Prompts, Segmentation, load
from flawscope.segment.header import Header


class Fixed:
    """A segmenter that always answers the same."""

    name = "fixed"
    threshold = 0.5

    def __init__(self, probability: list[float], labels: tuple[str, ...] = ("pit",)) -> None:
        self.probability = np.array([[probability]], dtype=np.float32)
        self.labels = labels

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(self.probability)


IMAGE = np.zeros((1, 4, 3), dtype=np.uint8)


def test_parity_by_hand() -> None:
    found = parity(Fixed([0.1, 0.49, 0.9, 0.6]), Fixed([0.1, 0.51, 0.9, 0.5]), [IMAGE, IMAGE])
    assert (found.images, found.pixels) == (2, 8)
    assert found.max_difference == pytest.approx(0.1)
    assert found.mean_difference == pytest.approx(0.12 / 4)
    assert found.equal_labels == 0.5
    with pytest.raises(WeightsError, match=r"a\.onnx: only 50\.000% of the pixels keep their label"):
        found.require("a.onnx")


def test_parity_needs_images_and_equal_labels() -> None:
    with pytest.raises(WeightsError, match="no image to compare on"):
        parity(Fixed([0.0]), Fixed([0.0]), [])
    with pytest.raises(WeightsError, match="knows"):
        parity(Fixed([0.0]), Fixed([0.0], ("other",)), [IMAGE])
    Parity(images=1, pixels=1000, max_difference=0.0, mean_difference=0.0, equal_labels=0.999).require("a")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ocinet-nano`` with seeded weights; batch-norm statistics as if it had seen images."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    pytest.importorskip("onnxscript")
    from flawscope.segment.network import build_network, save_safetensors

    torch.manual_seed(1)
    header = Header(model="ocinet-nano", imgsz=(64, 96), labels=("pit",), threshold=0.5)
    network = build_network(header).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 3, 64, 96))
    return save_safetensors(network.eval(), header, tmp_path_factory.mktemp("run") / "nano.safetensors")


@pytest.fixture(scope="module")
def exported(trained: Path) -> Path:
    """The export as the command line makes it, checked on three images; its report lies beside it."""
    from flawscope.cli.app import run

    folder = trained.parent
    for number in range(3):
        (folder / "images").mkdir(exist_ok=True)
        PillowImage.fromarray(noise(number)).save(folder / "images" / f"{number}.png")
    out, report = folder / "nano.onnx", folder / "report.json"
    arguments = ["--weights", trained, "--out", out, "--data", folder / "images", "--json", report]
    assert run(["export", *map(str, arguments)]) == 0
    return out


def noise(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.train
def test_exported_and_trained_agree_at_any_size_and_batch(trained: Path, exported: Path) -> None:
    one, two = load(trained, device="cpu"), load(exported, device="cpu")
    agreement = parity(one, two, [noise(0), noise(1, 50, 200), noise(2, 111, 33)])
    assert agreement.equal_labels >= 0.999
    assert agreement.max_difference < 2e-3
    assert two.header == one.header
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
    assert report["half"] is True
    assert (report["parity"]["images"], report["parity"]["pixels"]) == (3, 3 * 64 * 96)
    assert report["parity"]["equal_labels"] >= 0.999


@pytest.mark.train
def test_a_file_that_says_something_else_gets_no_name(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bright_weights: Callable[..., Path]
) -> None:
    from flawscope.export import command

    wrong = bright_weights("wrong", imgsz=(64, 96), labels=("pit",))
    monkeypatch.setattr(
        command, "write_onnx", lambda network, header, path, half: path.write_bytes(wrong.read_bytes())
    )
    PillowImage.fromarray(noise(0)).save(tmp_path / "a.png")
    with pytest.raises(WeightsError, match="of the pixels keep their label after export"):
        command.export_checked(trained, tmp_path / "a.onnx", data=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.train
def test_usage(tmp_path: Path, bright_weights: Callable[..., Path], trained: Path) -> None:
    from flawscope.export.command import export_checked

    with pytest.raises(UsageError, match="already an ONNX file"):
        export_checked(bright_weights(), tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="no image in this folder"):
        export_checked(trained, tmp_path / "a.onnx", data=tmp_path)
