"""Reading other people's tensor files without running anything in them."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from flawscope.errors import WeightsError

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "module")
"""Keys under which training programs put the state dict inside a checkpoint."""


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a ``.safetensors``, ``.pth`` or ``.pt`` file by name, on the CPU.

    Pickled files are read with ``weights_only``: nothing in them is executed. A state dict inside a
    checkpoint is found, and the prefix ``module.`` of data-parallel training is taken off.

    Raises:
        WeightsError: no such file, damaged, not a state dict, or a pickle with code in it.
    """
    file = Path(path)
    if not file.is_file():
        raise WeightsError("no such file", where=file, remedy="Check the path")
    try:
        with file.open("rb") as opened:
            start = opened.read(9)
        # A safetensors file begins with eight bytes of length and then JSON.
        if file.suffix.lower() == ".safetensors" or start[8:] == b"{":
            return dict(safetensors.torch.load_file(file))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            "holds Python objects or code, or is damaged; it was not loaded, because loading could run that code",
            where=file,
            remedy="Ask its author for a plain state dict, best as .safetensors",
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, safetensors.SafetensorError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:160].rstrip(". ")
        raise WeightsError(
            f"not readable as weights ({reason})", where=file, remedy="Copy it again"
        ) from error
    return _state_dict(content, file)


def _state_dict(content: Any, file: Path) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(
            f"holds a {type(content).__name__}, not tensors by name", where=file, remedy="Give a state dict"
        )
    strangers = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise WeightsError(
            f"is not a plain state dict: {strangers[0]!r} is no tensor",
            where=file,
            remedy="Give a state dict",
        )
    return {str(key).removeprefix("module."): value for key, value in content.items()}
