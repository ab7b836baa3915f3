"""A trained network as one ONNX file that carries its own instructions.

The graph ends after the sigmoid or softmax, so whoever runs it gets probabilities. Weights are stored as
16-bit floats, each followed by a cast to 32 bits: the file halves, the arithmetic stays as it was, and
onnxruntime folds the casts away when it loads the file.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.errors import MissingExtraError
from flawscope.outputs import write_bytes
from flawscope.segment.header import HEADER_KEY, Header

try:
    import onnx
    import onnxscript
    import torch
    from onnx import numpy_helper
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError(error.name or "torch", "train") from error
del onnxscript  # torch.onnx.export imports it itself

OPSET = 18
INPUT_NAME, OUTPUT_NAME = "image", "probability"

_SMALLEST_HALVED = 64
"""Initialisers with fewer elements stay 32-bit: their casts would cost more than they save."""


def write_onnx(network: nn.Module, header: Header, path: str | Path, *, half: bool = True) -> Path:
    """Export the finest map of ``network``, activated, with ``header`` inside; whole or not at all.

    Input ``image``: ``(n, 3, *header.imgsz)`` ``float32``, normalised as the header says. Output
    ``probability``: ``(n, header.channels, *header.imgsz)`` ``float32`` after the sigmoid or softmax.

    Args:
        network: in any mode and on any device; it is left as it was found.
        header: becomes the metadata entry ``flawscope``.
        path: the file.
        half: store the weights as 16-bit floats.
    """
    from flawscope.segment.network import activate, finest

    class Activated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: Tensor) -> Tensor:
            return activate(finest(self.network(image)))

    was_training = network.training
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    example = torch.zeros(2, 3, *header.imgsz, device=device)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                Activated().eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=4096)}},
                optimize=True,
                verbose=False,
            )
    finally:
        network.train(was_training)
    assert program is not None
    model = program.model_proto
    if half:
        halve(model)
    model.producer_name = "flawscope"
    model.metadata_props.add(key=HEADER_KEY, value=header.dumps())
    _forget_sources(model)
    onnx.checker.check_model(model)
    return write_bytes(path, model.SerializeToString())


def halve(model: Any) -> int:
    """Store the 32-bit initialisers of ``model`` as 16 bits plus a cast; returns how many.

    A tensor with a value that 16 bits cannot hold is left as it is.
    """
    casts = []
    for stored in model.graph.initializer:
        if stored.data_type != onnx.TensorProto.FLOAT or np.prod(stored.dims) < _SMALLEST_HALVED:
            continue
        with np.errstate(over="ignore"):
            values = numpy_helper.to_array(stored).astype(np.float16)
        if not np.isfinite(values).all():
            continue
        name = stored.name
        stored.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    return len(casts)


def _forget_sources(model: Any) -> None:
    """Remove the stack traces and paths of the exporting machine that torch notes on every node."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports progress and its own deprecations; neither is for our user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
