"""The yardstick of speed computes what the full network computes, and is never changed."""

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from flawscope import nets  # noqa: E402

FOLDER = Path(__file__).parents[2] / "benchmarks" / "yardstick"
FROZEN = FOLDER / "ocinet_as_published.py"
SHA256 = "d66d2dcd8f5b5c99b96c8bb56bf2bdd63aa8f177ed6175ede88c788b2864f885"


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"yardstick_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def yardstick() -> ModuleType:
    return loaded(FROZEN)


@pytest.fixture(scope="module")
def network() -> nets.OCINet:
    """The full network with nothing left at a start value that would hide a mistake."""
    torch.manual_seed(0)
    net = nets.build("ocinet").eval()
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif "gamma" in name or (value.ndim == 1 and name.endswith("weight")):
                value.uniform_(0.5, 1.5)
            elif value.ndim == 1:
                value.normal_(0, 0.3)
    return net


def test_the_text_is_the_frozen_one() -> None:
    text = FROZEN.read_text(encoding="utf-8")
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256, (
        "The yardstick is frozen: every recorded speed is a multiple of this text's. Undo the change"
    )


def test_it_stands_alone() -> None:
    imported = [
        line
        for line in FROZEN.read_text(encoding="utf-8").splitlines()
        if line.startswith(("import", "from"))
    ]
    assert {line.split()[1].split(".")[0] for line in imported} == {
        "__future__",
        "collections",
        "re",
        "torch",
    }


def test_it_has_the_published_parameters(yardstick: ModuleType) -> None:
    with torch.device("meta"):
        net = yardstick.OCINet()
    assert sum(value.numel() for value in net.parameters()) == 29_952_278 == nets.PRESETS["ocinet"].parameters
    assert sum(value.numel() for value in net.encoder.parameters()) == 24_849_856


def test_it_computes_what_the_full_network_computes(yardstick: ModuleType, network: nets.OCINet) -> None:
    twin = yardstick.load_yardstick(network.state_dict())
    # Not square, and two unlike images: rows, columns and batch cannot pass for one another.
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, theirs = network(images), twin(images)
    assert len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape == (2, 1, 64, 96)
        scale = one.std()
        assert scale > 0
        assert (one[0] - one[1]).abs().max() > 0.1 * scale
        assert (one - other).abs().max() < 1e-4 * scale


def test_weights_of_another_network_are_refused(yardstick: ModuleType, network: nets.OCINet) -> None:
    weights = network.state_dict()
    del weights["interactions.2.pairs.1.fine_gamma"]
    with pytest.raises(RuntimeError, match=r"cpim2\.gamma1"):
        yardstick.load_yardstick(weights)


def test_the_command_times_both(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    command = loaded(FOLDER / "time.py")
    monkeypatch.setattr(command, "SIZE", 32)
    threads = str(torch.get_num_threads())
    monkeypatch.setattr("sys.argv", ["time.py", "--threads", threads, "--repeats", "2", "--json"])
    command.main()
    report = json.loads(capsys.readouterr().out)
    assert report["yardstick_sha256"] == SHA256
    assert report["repeats"] == 2
    assert report["largest_relative_difference"] < 1e-4
    times = report["median_ms"]
    assert report["times_as_fast"] == pytest.approx(times["yardstick"] / times["flawscope"], rel=0.02)
