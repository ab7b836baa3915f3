"""An exported network on onnxruntime: no torch, a few milliseconds to load, the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError, WeightsError
from flawscope.segment.header import HEADER_KEY, Header

_LOG_ERRORS_ONLY = 3


class ExportedNetwork:
    """A ``.onnx`` file written by ``flawscope export``.

    Args:
        path: the file.
        device: ``"auto"`` (the GPU if this onnxruntime has one), ``"cpu"`` or ``"cuda:N"``.
        threads: CPU threads inside one run; by default onnxruntime chooses.

    Raises:
        WeightsError: damaged, not exported by Flawscope, or its shapes contradict its header.
        UsageError: CUDA was asked for and this onnxruntime has none.
    """

    at_once = 1
    """One run takes all threads."""

    def __init__(self, path: str | Path, *, device: str = "auto", threads: int | None = None) -> None:
        self.path = Path(path)
        self._session = _open_session(self.path, device, threads)
        self.header = _header(self._session, self.path)
        self._input = self._session.get_inputs()[0].name
        _check_shapes(self._session, self.header, self.path)

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(n, 3, h, w)`` normalised to ``(n, channels, h, w)`` after the sigmoid or softmax."""
        (activated,) = self._session.run(None, {self._input: batch})
        return np.asarray(activated, dtype=np.float32)


def _open_session(path: Path, device: str, threads: int | None) -> Any:
    import onnxruntime

    providers: list[Any] = ["CPUExecutionProvider"]
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.startswith("cuda") and not has_cuda:
        raise UsageError(
            "this onnxruntime has no CUDA",
            where=f"--device {device}",
            remedy="Use --device cpu, the .safetensors weights, or install onnxruntime-gpu",
        )
    if has_cuda and device != "cpu":
        number = int(device.partition(":")[2] or 0)
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class but Exception
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(
            f"not loadable as an ONNX network ({reason})",
            where=path,
            remedy="It may be damaged or cut short; copy or export it again",
        ) from error


def _header(session: Any, path: Path) -> Header:
    metadata = session.get_modelmeta().custom_metadata_map
    if HEADER_KEY not in metadata:
        raise WeightsError(
            "an ONNX network without Flawscope's header, so its input and labels are unknown",
            where=path,
            remedy="Use a file written by 'flawscope export'",
        )
    return Header.loads(metadata[HEADER_KEY], path)


def _check_shapes(session: Any, header: Header, path: Path) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    fits = (
        len(inputs) == 1
        and len(outputs) == 1
        and _takes(inputs[0].shape[1:], [3, *header.imgsz])
        and _takes(outputs[0].shape[1:], [header.channels, *header.imgsz])
    )
    if not fits:
        raise WeightsError(
            f"the network maps {[list(port.shape) for port in inputs]} to "
            f"{[list(port.shape) for port in outputs]}, its header says 3x{header.imgsz[0]}x{header.imgsz[1]} "
            f"to {header.channels} channels",
            where=path,
            remedy="Export it again with 'flawscope export'",
        )


def _takes(shape: list[int | str], wanted: list[int]) -> bool:
    """Whether a port of this shape may have the wanted one; onnxruntime gives free sides as names."""
    return len(shape) == len(wanted) and all(
        isinstance(side, str) or side == size for side, size in zip(shape, wanted, strict=True)
    )
