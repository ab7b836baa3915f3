"""An exported network on OpenVINO: the quickest answers of a CPU, in fp32, bf16 or int8."""

from __future__ import annotations

import logging
from collections import deque
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from flawscope.digests import sha256
from flawscope.errors import UsageError, WeightsError
from flawscope.segment.header import HEADER_KEY, Header
from flawscope.segment.openvino_enlarging import enlarge_by_products
from flawscope.segment.openvino_runtime import openvino

HEADER_ENTRY, DIGEST_ENTRY = "header", "bin_sha256"
"""Below ``flawscope`` in the file's ``rt_info``: the header as JSON, and the SHA-256 of the ``.bin`` beside it."""

_REMEDY = "Copy both files again, or export again with 'flawscope export'"

_log = logging.getLogger("flawscope")


class OpenVinoNetwork:
    """A ``.xml`` file written by ``flawscope export``, with its ``.bin`` beside it.

    The graph is compiled for one image. Images run one after another, each on all threads, or with ``throughput``
    several at once, each on a share of the threads: less waiting of one thread for another, so more images a second,
    and a longer wait for each. It may be asked from several threads.

    Args:
        path: the ``.xml`` file.
        device: ``"auto"`` or ``"cpu"``.
        threads: CPU threads; by default OpenVINO chooses.
        throughput: several images at once.

    Attributes:
        at_once: how many images it answers at once.

    A network exported for bf16 runs in fp32 on a CPU without it, which a logged warning says.

    Raises:
        WeightsError: damaged, not exported by Flawscope, or the ``.bin`` is missing or of another export.
        UsageError: another device was asked for.
        MissingExtraError: OpenVINO is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        throughput: bool = False,
    ) -> None:
        self.path = Path(path)
        if device not in ("auto", "cpu"):
            raise UsageError(
                "an OpenVINO network runs on the CPU",
                where=f"--device {device}",
                remedy="Use --device cpu, or the .onnx or .safetensors weights",
            )
        self.header = _checked_header(self.path)
        compiled = _compile(self.path, self.header, threads, throughput)
        self.at_once = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) if throughput else 1
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.at_once):
            self._idle.put(compiled.create_infer_request())

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(n, 3, h, w)`` normalised to ``(n, channels, h, w)`` after the sigmoid or softmax."""
        answers: list[npt.NDArray[np.float32]] = []
        running: deque[Any] = deque()
        for image in batch:
            while True:
                try:  # waiting while it holds requests, it could wait for ever for another that does so too
                    request = self._idle.get(block=not running)
                    break
                except Empty:
                    answers.append(self._answer(running.popleft()))
            request.start_async(np.ascontiguousarray(image[None]))
            running.append(request)
        answers.extend(map(self._answer, running))
        return np.stack(answers)

    def _answer(self, request: Any) -> npt.NDArray[np.float32]:
        """What a request found, copied before another caller gets it."""
        try:
            request.wait()
            return np.array(request.get_output_tensor().data[0], dtype=np.float32)
        finally:
            self._idle.put(request)


def inference_type(header: Header, core: Any) -> str:
    """OpenVINO's name of the precision of what is not in int8: ``"bf16"`` or ``"f32"``.

    Left to itself, OpenVINO takes bf16 for every network on a CPU that has it.
    """
    if header.precision == "fp32":
        return "f32"
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def _compile(path: Path, header: Header, threads: int | None, throughput: bool) -> Any:
    core = openvino().Core()
    chosen = inference_type(header, core)
    if header.precision == "bf16" and chosen == "f32":
        _log.warning("%s: this CPU has no bf16, so the network runs in fp32", path)
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "THROUGHPUT" if throughput else "LATENCY",
        "INFERENCE_PRECISION_HINT": chosen,
        "CACHE_DIR": "",
    }
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    try:
        model = core.read_model(path)
        _check_shapes(model, header, path)
        model.reshape([1, 3, *header.imgsz])
        enlarge_by_products(model)
        return core.compile_model(model, "CPU", options)
    except RuntimeError as error:  # openvino's errors share no other base class
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(
            f"not loadable as an OpenVINO network ({reason})", where=path, remedy=_REMEDY
        ) from error


def _checked_header(path: Path) -> Header:
    try:
        told = ElementTree.parse(path).find(f"rt_info/{HEADER_KEY}")
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise WeightsError(
            f"not readable as an OpenVINO network ({error})", where=path, remedy=_REMEDY
        ) from error
    header, digest = (_entry(told, name) for name in (HEADER_ENTRY, DIGEST_ENTRY))
    if header is None or digest is None:
        raise WeightsError(
            "an OpenVINO network without Flawscope's header, so its input and labels are unknown",
            where=path,
            remedy="Use a file written by 'flawscope export'",
        )
    weights = path.with_suffix(".bin")
    try:
        found = sha256(weights)
    except FileNotFoundError as error:
        raise WeightsError(f"{weights.name} is not beside it", where=path, remedy=_REMEDY) from error
    except OSError as error:
        raise WeightsError(f"not readable ({error.strerror})", where=weights) from error
    if found != digest:
        raise WeightsError(
            f"{weights.name} beside it is cut short, changed or of another export", where=path, remedy=_REMEDY
        )
    return Header.loads(header, path)


def _entry(told: ElementTree.Element | None, name: str) -> str | None:
    entry = None if told is None else told.find(name)
    return None if entry is None else entry.get("value")


def _check_shapes(model: Any, header: Header, path: Path) -> None:
    fits = (
        len(model.inputs) == 1
        and len(model.outputs) == 1
        and model.input().partial_shape.compatible(_shape(3, header))
        and model.output().partial_shape.compatible(_shape(header.channels, header))
    )
    if not fits:
        raise WeightsError(
            f"the network maps {[str(port.partial_shape) for port in model.inputs]} to "
            f"{[str(port.partial_shape) for port in model.outputs]}, its header says "
            f"3x{header.imgsz[0]}x{header.imgsz[1]} to {header.channels} channels",
            where=path,
            remedy="Export it again with 'flawscope export'",
        )


def _shape(channels: int, header: Header) -> Any:
    """Any number of images or maps of the header's size."""
    return openvino().PartialShape([-1, channels, *header.imgsz])
