"""Folders and hub names that do not hold what they should: one line each, and nothing unpickled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flawscope.errors import WeightsError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
huggingface_hub = pytest.importorskip("huggingface_hub")

from flawscope.segment.sam_files import find_folder, open_sam  # noqa: E402

Folders = Callable[[str], Path]


@pytest.fixture
def folder(sam_folder: Folders, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sam_folder("sam"), tmp_path / "model"))


def change(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def line(name: str | Path) -> str:
    with pytest.raises(WeightsError) as raised:
        open_sam(name)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500
    return str(raised.value)


def test_an_empty_folder_says_what_to_put_there(tmp_path: Path) -> None:
    said = line(tmp_path)
    assert "no config.json in the folder" in said
    assert "Put config.json, model.safetensors, preprocessor_config.json of a SAM model there" in said


def test_a_pickled_model_is_not_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, folder / "pytorch_model.bin")
    assert "no model.safetensors in the folder; pickled weights" in line(folder)


def test_another_model(folder: Path) -> None:
    change(folder, model_type="bert")
    assert "config.json names a model of type 'bert'. Supported are: sam, sam2, sam2_video" in line(folder)


def test_config_that_is_no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    assert "config.json: not readable as JSON" in line(folder)
    (folder / "config.json").write_text("[1]")
    assert "config.json: not a JSON object" in line(folder)


def test_weights_cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "transformers cannot load it (SafetensorError" in line(folder)


def test_a_missing_tensor_is_not_made_up(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    tensors = load_file(file)
    del tensors["mask_decoder.iou_token.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    assert "do not fit config.json: 1 missing keys (mask_decoder.iou_token.weight)" in line(folder)


def test_tensors_of_another_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(folder, mask_decoder_config={**config["mask_decoder_config"], "iou_head_hidden_dim": 24})
    said = line(folder)
    assert "transformers cannot load it" in said or "do not fit config.json" in said


def test_a_normalisation_that_is_none(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5], "image_std": [0.5]}))
    assert "no three means and deviations" in line(folder)


def test_what_is_neither_folder_nor_name(tmp_path: Path) -> None:
    for name in (str(tmp_path / "nothing"), "nothing", "a/b/c"):
        assert "neither a folder nor the name of a model on the Hugging Face hub" in line(name)


def hub(monkeypatch: pytest.MonkeyPatch, here: Path | None, there: Path | None) -> list[bool]:
    """Stands in for the hub's client: what it has on this machine and on the hub; notes which was asked."""
    asked: list[bool] = []

    def download(_name: str, *, local_files_only: bool, **_options: Any) -> str:
        asked.append(local_files_only)
        found = here if local_files_only else there
        if found is None:
            raise ConnectionError("a long\nstory")
        return str(found)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_offline_without_weights_it_says_what_to_download_and_where_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    for switch, wanted, why in (
        ("1", [True], "fetching is switched off"),
        ("0", [True, False], r"the hub gave no answer (ConnectionError)"),
    ):
        monkeypatch.setenv("HF_HUB_OFFLINE", switch)
        asked = hub(monkeypatch, None, None)
        said = line("facebook/sam-vit-base")
        assert asked == wanted
        assert said == (
            f"facebook/sam-vit-base: not on this machine, and {why}. Download config.json, model.safetensors, "
            "preprocessor_config.json of https://huggingface.co/facebook/sam-vit-base into a folder "
            "and give --segmenter sam:FOLDER"
        )


def test_the_copy_on_this_machine_comes_first(monkeypatch: pytest.MonkeyPatch, sam_folder: Folders) -> None:
    asked = hub(monkeypatch, sam_folder("sam"), None)
    assert open_sam("facebook/sam-vit-base").side == 64
    assert asked == [True]


def test_what_is_not_here_is_fetched(
    monkeypatch: pytest.MonkeyPatch, sam_folder: Folders, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    for here in (None, tmp_path):  # tmp_path: an earlier download that was cut short
        asked = hub(monkeypatch, here, sam_folder("sam"))
        assert find_folder("facebook/sam-vit-base") == sam_folder("sam")
        assert asked == [True, False]


def test_a_video_model_of_sam2_is_read_for_images(sam_folder: Folders, tmp_path: Path) -> None:
    """Published SAM 2 folders call themselves sam2_video."""
    folder = Path(shutil.copytree(sam_folder("sam2"), tmp_path / "video"))
    change(folder, model_type="sam2_video")
    assert open_sam(folder).kind == "sam2"


def test_without_transformers_the_extra_is_named(sam_folder: Folders) -> None:
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from flawscope.segment import open_segmenter\n"
        f"open_segmenter('sam:{sam_folder('sam').as_posix()}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "pip install 'flawscope[sam]'" in done.stderr
