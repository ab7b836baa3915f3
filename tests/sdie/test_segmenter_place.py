"""A segmenter is found again from every working directory, and old artefacts still find theirs."""

from pathlib import Path

import pytest

from flawscope.errors import WeightsError
from flawscope.sdie.segmenter_place import located, placed


@pytest.fixture
def artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``runs/mine`` with ``in.onnx``, beside ``runs/net.onnx``; the working directory is above both."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "in.onnx").touch()
    (tmp_path / "runs" / "net.onnx").touch()
    (tmp_path / "regions").touch()
    monkeypatch.chdir(tmp_path)
    return Path("runs/mine")


def test_paths_are_written_absolute_or_inside_and_names_stay(artefact: Path) -> None:
    here = Path.cwd().resolve().as_posix()
    assert placed("runs/net.onnx", artefact) == f"network:{here}/runs/net.onnx"
    assert placed("network:runs/net.onnx", artefact) == f"network:{here}/runs/net.onnx"
    assert placed("sam:runs", artefact) == f"sam:{here}/runs"
    assert placed("runs/mine/in.onnx", artefact) == "network:in.onnx"
    names = (
        "regions",
        "grabcut",
        "prototype",
        "promptable:no-steel",
        "ocinet-tiny",
        "sam:facebook/sam-vit-base",
    )
    assert [placed(name, artefact) for name in names] == list(names)


def test_what_was_written_is_found_from_elsewhere(
    artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, inside = (placed(spec, artefact) for spec in ("runs/net.onnx", "runs/mine/in.onnx"))
    moved = (tmp_path / "runs" / "mine").rename(tmp_path / "moved")
    monkeypatch.chdir("/")
    for spec, file in ((outside, tmp_path / "runs" / "net.onnx"), (inside, moved / "in.onnx")):
        assert Path(located(spec, moved).removeprefix("network:")).samefile(file)
    assert located("regions", moved) == "regions"
    assert located("ocinet-tiny", moved) == "ocinet-tiny"
    assert located("sam:facebook/sam-vit-base", moved) == "sam:facebook/sam-vit-base"


@pytest.mark.parametrize("spec", ["runs/net.onnx", "network:runs/net.onnx"])
def test_an_old_artefact_finds_a_path_as_it_was_typed(
    spec: str, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert located(spec, artefact) == spec
    folder = artefact.resolve()
    monkeypatch.chdir("/")
    with pytest.raises(
        WeightsError, match=r"sdie\.json: its segmenter 'runs/net\.onnx' is not there\. Bring it"
    ):
        located(spec, folder)


@pytest.mark.parametrize("spec", ["gone.onnx", "network:models/gone", "/models/gone", "sam:/models/sam"])
def test_a_path_that_is_not_there_is_one_line(spec: str, artefact: Path) -> None:
    with pytest.raises(WeightsError, match="is not there") as caught:
        located(spec, artefact)
    assert "\n" not in str(caught.value)
