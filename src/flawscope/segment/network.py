"""A trained network on torch, and how its weights are stored. Needs the ``[train]`` extra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from flawscope.errors import MissingExtraError, UsageError, WeightsError
from flawscope.outputs import write_bytes
from flawscope.segment.header import HEADER_KEY, Header, read_safetensors_header

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Sequence


class TorchNetwork:
    """A ``.safetensors`` file, ready to run.

    Args:
        path: the file.
        device: ``"auto"`` (CUDA if there is any), ``"cpu"`` or ``"cuda:N"``.
        threads: CPU threads of torch, for the whole process; by default torch chooses.

    Raises:
        WeightsError: damaged, or its tensors do not fit the network its header names.
        UsageError: CUDA was asked for and there is none.
    """

    at_once = 1
    """One run takes all threads."""

    def __init__(self, path: str | Path, *, device: str = "auto", threads: int | None = None) -> None:
        self.path = Path(path)
        self.header = read_safetensors_header(self.path)
        self.device = torch_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        from flawscope.nets.inference import for_inference

        self.network = for_inference(load_network(self.path)).to(self.device)

    @torch.inference_mode()
    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(n, 3, h, w)`` normalised to ``(n, channels, h, w)`` after the sigmoid or softmax."""
        logits = finest(self.network(torch.from_numpy(batch).to(self.device)))
        answer: npt.NDArray[np.float32] = activate(logits).float().cpu().numpy()
        return answer


def finest(maps: Tensor | Sequence[Tensor]) -> Tensor:
    """S1, the finest of the logit maps that a network of ``flawscope.nets`` returns."""
    return maps if isinstance(maps, Tensor) else maps[0]


def activate(logits: Tensor) -> Tensor:
    """Sigmoid for one channel, softmax over the channels for several (background first)."""
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)


def torch_device(device: str) -> torch.device:
    """The torch device that ``--device`` means; raises UsageError when it is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            "torch sees no such GPU", where=f"--device {device}", remedy="Use --device auto or --device cpu"
        )
    return chosen


def build_network(header: Header) -> nn.Module:
    """The network that a header names, with fresh weights, in evaluation mode."""
    from flawscope import nets

    network: nn.Module = nets.build(header.model, channels=header.channels, **header.options)
    return network.eval()


def load_network(path: str | Path) -> nn.Module:
    """Build the network that a ``.safetensors`` file names and give it the weights, in 32-bit floats.

    Raises:
        WeightsError: damaged, or a tensor is missing, left over or of another shape.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = Path(path)
    header = read_safetensors_header(file)
    try:
        tensors = load_file(str(file))
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"damaged or cut short ({' '.join(str(error).split())[:100]})", where=file, remedy="Copy it again"
        ) from error
    try:
        network = build_network(header)
    except UsageError as error:
        raise WeightsError(
            f"its header names a network that cannot be built ({error.what})",
            where=file,
            remedy="It may come from a newer version; update Flawscope",
        ) from error
    fill(network, tensors, file)
    return network


def fill(network: nn.Module, tensors: Mapping[str, Tensor], where: str | Path) -> None:
    """Copy ``tensors`` into ``network``; every name and shape must fit, dtypes are converted.

    Raises:
        WeightsError: they do not; the message counts and names examples.
    """
    wanted = network.state_dict()
    problems = [
        _examples("missing", [name for name in wanted if name not in tensors]),
        _examples("left over", [name for name in tensors if name not in wanted]),
        _examples(
            "of another shape",
            [
                f"{name} {tuple(tensors[name].shape)} instead of {tuple(value.shape)}"
                for name, value in wanted.items()
                if name in tensors and tensors[name].shape != value.shape
            ],
        ),
    ]
    found = "; ".join(problem for problem in problems if problem)
    if found:
        raise WeightsError(
            f"the weights do not fit the network: {found}",
            where=where,
            remedy="Use the model, classes and options they were trained with",
        )
    network.load_state_dict({name: tensors[name].to(value.dtype) for name, value in wanted.items()})


def save_safetensors(network: nn.Module, header: Header, path: str | Path, half: bool = False) -> Path:
    """Write the weights of ``network`` with ``header``, whole or not at all.

    Args:
        network: any that ``nets.build(header.model, ...)`` could have built.
        header: travels in the file's metadata.
        path: the file; its suffix should be ``.safetensors``.
        half: store 16-bit floats, half the size; a tensor with values that 16 bits cannot hold stays 32-bit.
    """
    from safetensors.torch import save

    tensors = {
        name: _stored(value.detach(), half).cpu().contiguous().clone()
        for name, value in network.state_dict().items()
    }
    return write_bytes(path, save(tensors, metadata={HEADER_KEY: header.dumps()}))


def stored_in_half(path: str | Path) -> bool:
    """Whether a ``.safetensors`` file that loads holds 16-bit floats."""
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as opened:
        return any(opened.get_slice(name).get_dtype() == "F16" for name in opened.keys())  # noqa: SIM118


def _stored(value: Tensor, half: bool) -> Tensor:
    if not half or value.dtype != torch.float32:
        return value
    shortened = value.half()
    return shortened if bool(torch.isfinite(shortened).all()) else value


def _examples(kind: str, names: list[str]) -> str:
    if not names:
        return ""
    return f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
