"""From a folder or the name of a model on the Hugging Face hub to a SAM in memory; only safetensors are read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import MissingExtraError, WeightsError
from flawscope.segment.header import IMAGENET_MEAN, IMAGENET_STD

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "sam") from error
try:
    import transformers
except ImportError as error:
    raise MissingExtraError("transformers", "sam") from error

FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
_PATTERNS = ["config.json", "*preprocessor_config.json", "processor_config.json", "model*.safetensors*"]
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_MODELS = {"sam": "SamModel", "sam2": "Sam2Model", "sam2_video": "Sam2Model"}
_logging: Any = transformers.utils.logging
_SECONDS = 10
"""How long to wait for the hub to answer at all."""


@dataclass(frozen=True)
class SamFiles:
    """A model of the SAM family and what its folder says of its input.

    Attributes:
        model: ``SamModel`` or ``Sam2Model`` of transformers, in evaluation mode.
        kind: ``"sam"`` or ``"sam2"``.
        side: of the square input in pixels.
        stride: pixels of the input for one cell of the embedding.
        mean: ``(3,)`` of RGB in 0 to 1.
        std: ``(3,)``.
        folder: where the files lie.
    """

    model: Any
    kind: str
    side: int
    stride: int
    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]
    folder: Path


def find_folder(name: str | Path) -> Path:
    """The folder of a model's files: ``name`` itself, or the hub's copy of it on this machine, fetched if need be.

    With ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE`` set nothing is fetched.

    Raises:
        WeightsError: there is no such folder, and no such model here or on the hub.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    hub_name = str(name)
    if not _HUB_NAME.fullmatch(hub_name) or folder.exists():
        raise WeightsError(
            "neither a folder nor the name of a model on the Hugging Face hub",
            where=hub_name,
            remedy=f"Give a folder with {', '.join(FILES)}, or a name such as facebook/sam-vit-base",
        )
    from huggingface_hub import snapshot_download

    reason = "not on this machine, and fetching is switched off"
    for here in (True, False):
        if not here and _offline():
            break
        try:
            found = Path(
                snapshot_download(
                    hub_name, allow_patterns=_PATTERNS, local_files_only=here, etag_timeout=_SECONDS
                )
            )
        except Exception as error:  # the hub's client raises whatever its transport does
            if not here:
                reason = f"not on this machine, and the hub gave no answer ({type(error).__name__})"
            continue
        if any(found.glob("model*.safetensors")):
            return found
        reason = "the hub's model has no safetensors"
    raise WeightsError(reason, where=hub_name, remedy=_fetch_by_hand(hub_name))


def open_sam(name: str | Path, dtype: torch.dtype = torch.float32) -> SamFiles:
    """A SAM or SAM 2 from a folder or a hub name, on the CPU; stored half precision is widened to ``dtype``.

    Raises:
        WeightsError: missing, damaged, of another model, without safetensors, or tensors that do not fit.
    """
    folder = find_folder(name)
    model_type = _read_json(folder / "config.json", folder).get("model_type")
    if model_type not in _MODELS:
        raise WeightsError(
            f"config.json names a model of type '{model_type}'",
            where=folder,
            remedy=f"Supported are: {', '.join(_MODELS)}",
        )
    if not any(folder.glob("model*.safetensors")):
        raise WeightsError(
            "no model.safetensors in the folder; pickled weights (.bin, .pt, .pth) are not opened",
            where=folder,
            remedy="Download the model's model.safetensors into it",
        )
    model = _read_model(getattr(transformers, _MODELS[model_type]), folder, dtype)
    kind = "sam" if model_type == "sam" else "sam2"
    square = model.config.vision_config if kind == "sam" else model.config.prompt_encoder_config
    mean, std = _normalisation(folder)
    return SamFiles(model, kind, int(square.image_size), int(square.patch_size), mean, std, folder)


def _read_model(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    try:
        with _quiet():
            model, loading = kind.from_pretrained(
                str(folder),
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # damaged files make transformers raise anything
        line = " ".join(str(error).split())[:160]
        raise WeightsError(
            f"transformers cannot load it ({type(error).__name__}: {line})",
            where=folder,
            remedy=f"Copy {', '.join(FILES)} again",
        ) from error
    for problem in ("missing_keys", "mismatched_keys", "error_msgs"):
        if names := sorted(map(str, loading.get(problem) or ())):
            raise WeightsError(
                f"the weights do not fit config.json: {len(names)} {problem.replace('_', ' ')} ({names[0]})",
                where=folder,
                remedy=f"Copy {', '.join(FILES)} of one model again",
            )
    return model.eval()


def _normalisation(folder: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean and deviation that the folder's processor names; ImageNet's, which SAM uses, when it names none."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if not (folder / name).is_file():
            continue
        content = _read_json(folder / name, folder)
        content = content.get("image_processor", content)
        mean, std = content.get("image_mean", IMAGENET_MEAN), content.get("image_std", IMAGENET_STD)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise WeightsError(f"{name} has no three means and deviations", where=folder)
        return np.asarray(mean, dtype=np.float32), np.asarray(std, dtype=np.float32)
    return np.asarray(IMAGENET_MEAN, dtype=np.float32), np.asarray(IMAGENET_STD, dtype=np.float32)


def _read_json(file: Path, folder: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(
            f"no {file.name} in the folder",
            where=folder,
            remedy=f"Put {', '.join(FILES)} of a SAM model there",
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError("not readable as JSON", where=file, remedy="Copy it again") from error
    if not isinstance(content, dict):
        raise WeightsError("not a JSON object", where=file, remedy="Copy it again")
    return content


def _fetch_by_hand(hub_name: str) -> str:
    return (
        f"Download {', '.join(FILES)} of https://huggingface.co/{hub_name} into a folder "
        "and give --segmenter sam:FOLDER"
    )


def _offline() -> bool:
    switched = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in switched)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bar and warnings: what matters is checked and raised here."""
    level, shown = _logging.get_verbosity(), _logging.is_progress_bar_enabled()
    _logging.set_verbosity_error()
    _logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _logging.set_verbosity(level)
        if shown:
            _logging.enable_progress_bar()
