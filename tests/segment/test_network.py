"""Weights on torch: stored, read back, and refused when they do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flawscope.errors import MissingExtraError, UsageError, WeightsError
from flawscope.segment import load
from flawscope.segment.header import Header, read_safetensors_header

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

HEADER = Header(model="toy", imgsz=(16, 24), labels=("pit",), threshold=0.25, provenance={"seed": 3})


class Toy(torch.nn.Module):
    """Four maps, finest first, as the networks of flawscope.nets return; ``options`` are the constructor's."""

    def __init__(self, channels: int, width: int = 4) -> None:
        super().__init__()
        self.body = torch.nn.Conv2d(3, width, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(width)
        self.heads = torch.nn.ModuleList(torch.nn.Conv2d(width, channels, 1) for _ in range(4))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.norm(self.body(image)).relu()
        return tuple(head(features) for head in self.heads)


@pytest.fixture(autouse=True)
def toy_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    from flawscope import nets

    def build(model: str, *, channels: int, **options: int) -> Toy:
        if model != "toy":
            raise UsageError(f"there is no model '{model}'")
        return Toy(channels, **options)

    monkeypatch.setattr(nets, "build", build)


def toy(header: Header = HEADER, seed: int = 0) -> Toy:
    torch.manual_seed(seed)
    return Toy(header.channels, **header.options).eval()


def test_the_finest_map_activated_is_what_the_segmenter_says(tmp_path: Path) -> None:
    from flawscope.segment.network import save_safetensors

    network = toy()
    segmenter = load(save_safetensors(network, HEADER, tmp_path / "a.safetensors"), device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    normal = (image / 255 - HEADER.mean) / HEADER.std
    with torch.no_grad():
        fed = torch.from_numpy(normal.transpose(2, 0, 1)[None]).float()
        expected = 1 / (1 + np.exp(-network(fed)[0].numpy()[0]))
    np.testing.assert_allclose(segmenter.segment(image).probability, expected, atol=2e-6)
    assert segmenter.header == HEADER == read_safetensors_header(tmp_path / "a.safetensors")


def test_several_classes_are_a_softmax_without_its_background(tmp_path: Path) -> None:
    from flawscope.segment.network import save_safetensors

    header = HEADER.model_copy(update={"labels": ("pit", "crack")})
    network = toy(header)
    segmenter = load(save_safetensors(network, header, tmp_path / "a.safetensors"))
    maps = segmenter.segment(np.full((16, 24, 3), 99, np.uint8)).probability
    assert maps.shape == (2, 16, 24)
    activated = segmenter.engine.run(np.zeros((1, 3, 16, 24), np.float32))
    np.testing.assert_allclose(activated.sum(axis=1), 1.0, rtol=1e-5)


def test_half_precision_is_half_the_size_and_close(tmp_path: Path) -> None:
    from flawscope.segment.network import load_network, save_safetensors

    header = HEADER.model_copy(update={"options": {"width": 256}})
    network = toy(header)
    network.norm.running_var[0] = 1e6  # more than 16 bits hold
    whole = save_safetensors(network, header, tmp_path / "a.safetensors")
    half = save_safetensors(network, header, tmp_path / "b.safetensors", half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    read = load_network(half).state_dict()
    assert read["norm.running_var"][0] == 1e6
    for name, value in network.state_dict().items():
        assert read[name].dtype == value.dtype
        torch.testing.assert_close(read[name], value, rtol=1e-3, atol=1e-7)
    assert all(
        torch.equal(load_network(whole).state_dict()[name], value)
        for name, value in network.state_dict().items()
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            HEADER.model_copy(update={"options": {"width": 5}}),
            r"\d+ of another shape \(body\.weight \(4, 3, 3, 3\) instead of \(5, 3, 3, 3\)",
        ),
        (HEADER.model_copy(update={"labels": ("a", "b")}), r"8 of another shape \(heads\.0\.weight"),
        (HEADER.model_copy(update={"model": "nope"}), "cannot be built .*no model 'nope'"),
    ],
)
def test_weights_of_another_shape(tmp_path: Path, header: Header, words: str) -> None:
    from flawscope.segment.network import save_safetensors

    save_safetensors(toy(), header, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=words):
        load(tmp_path / "a.safetensors")


def test_missing_and_left_over_tensors_are_counted(tmp_path: Path) -> None:
    from flawscope.segment.network import save_safetensors

    network = toy()
    del network.heads[3]
    network.extra = torch.nn.Linear(1, 1)
    save_safetensors(network, HEADER, tmp_path / "a.safetensors")
    with pytest.raises(
        WeightsError, match=r"2 missing \(heads\.3\.weight, heads\.3\.bias\); 2 left over \(extra"
    ):
        load(tmp_path / "a.safetensors")


def test_damaged_and_foreign_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from flawscope.segment.network import save_safetensors

    whole = save_safetensors(toy(), HEADER, tmp_path / "a.safetensors").read_bytes()
    for length, words in ((len(whole) - 10, "damaged or cut short"), (20, "cut short"), (0, "cut short")):
        (tmp_path / "b.safetensors").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=words):
            load(tmp_path / "b.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "c.safetensors")
    with pytest.raises(WeightsError, match="without Flawscope's header"):
        load(tmp_path / "c.safetensors")


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    from flawscope.segment.network import save_safetensors

    save_safetensors(toy(), HEADER, tmp_path / "a.safetensors")
    with pytest.raises(UsageError, match="torch sees no such GPU"):
        load(tmp_path / "a.safetensors", device="cuda:99")


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    from flawscope.segment.network import save_safetensors

    save_safetensors(toy(), HEADER, tmp_path / "a.safetensors")
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import flawscope\n"
        "from flawscope.errors import MissingExtraError\n"
        "try: flawscope.load(sys.argv[1])\n"
        "except MissingExtraError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.safetensors")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == str(MissingExtraError("torch", "train"))
    assert "pip install 'flawscope[train]'" in ran.stdout


def test_onnx_predicts_without_importing_torch(bright_weights: object, tmp_path: Path) -> None:
    path = bright_weights()  # type: ignore[operator]
    script = (
        "import sys, json, numpy, flawscope\n"
        "flawscope.load(sys.argv[1]).predict(numpy.zeros((8, 8), 'uint8'))\n"
        "print(json.dumps(sorted(m for m in sys.modules if m in ('torch', 'onnx', 'timm', 'lightning'))))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == []
