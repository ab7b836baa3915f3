"""A trained network as one ONNX file that carries its own instructions.

The graph ends after the sigmoid or softmax, so whoever runs it gets probabilities. Weights are stored as
16-bit floats, each followed by a cast to 32 bits: the file halves, the arithmetic stays as it was, and
onnxruntime folds the casts away when it loads the file.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.errors import MissingExtraError, UsageError
from flawscope.export.quiet import quiet
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
MULTIPLE = 32
INPUT_NAME, OUTPUT_NAME = "image", "probability"

_SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch notes the modules, outermost first, and the name of the operation, as a list in Python's writing."""

_SMALLEST_HALVED = 64
"""Initialisers with fewer elements stay 32-bit: their casts would cost more than they save."""


def write_onnx(
    network: nn.Module, header: Header, path: str | Path, *, half: bool = True, free_size: bool = False
) -> Path:
    """Write what :func:`to_onnx` makes to ``path``, with ``header`` inside; whole or not at all.

    The header becomes the metadata entry ``flawscope``.
    """
    model = to_onnx(network, header, half=half, free_size=free_size)
    model.metadata_props.add(key=HEADER_KEY, value=header.dumps())
    return write_bytes(path, model.SerializeToString())


def to_onnx(network: nn.Module, header: Header, *, half: bool = True, free_size: bool = False) -> Any:
    """The ``onnx.ModelProto`` of the finest map of ``network``, activated.

    Input ``image``: ``(n, 3, *header.imgsz)`` ``float32``, normalised as the header says. Output
    ``probability``: ``(n, header.channels, *header.imgsz)`` ``float32`` after the sigmoid or softmax. Nodes are named
    after the modules of the network that they come from.

    Args:
        network: in any mode and on any device; it is left as it was found.
        header: gives the input size.
        half: store the weights as 16-bit floats.
        free_size: height and width may be any multiples of 32, from 64 up, instead of those of ``header.imgsz``.

    Raises:
        UsageError: the network cannot take images of ``header.imgsz``, or not of a free size.
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
        with quiet("torch.onnx", "torch.export", "onnxscript", "onnx_ir"), torch.no_grad():
            activated = Activated().eval()
            _try_size(activated, example[:1], header)
            program = torch.onnx.export(
                activated,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes={"image": _free_sides(header, free_size)},
                optimize=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        if not free_size:
            raise
        raise UsageError(
            f"{header.model} cannot be exported for images of a free size",
            where="--free-size",
            remedy="Export a file for each size with --imgsz",
        ) from error
    finally:
        network.train(was_training)
    assert program is not None
    model = program.model_proto
    name_by_module(model)
    if half:
        halve(model)
    model.producer_name = "flawscope"
    _forget_sources(model)
    onnx.checker.check_model(model)
    return model


def name_by_module(model: Any) -> None:
    """Name each node of ``model`` after its module and its operation, such as ``reasoner/heads/0/Conv``.

    torch notes the module on most nodes; the others keep their names. Equal names get a number.
    """
    seen: Counter[str] = Counter()
    for node in model.graph.node:
        noted = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), None)
        if noted is None:
            continue
        scopes = [scope for scope in ast.literal_eval(noted)[:-1] if scope]
        module = scopes[-1].removeprefix("network.").replace(".", "/") if scopes else "network"
        name = f"{module}/{node.op_type}"
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}.{seen[name]}"


def _free_sides(header: Header, free_size: bool) -> dict[int, Any]:
    """Which axes of the input may change, as ``torch.export`` wants to know it."""
    sides: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=4096)}
    if free_size:
        if any(side % MULTIPLE or side < 2 * MULTIPLE for side in header.imgsz):
            raise UsageError(
                f"a free size goes in multiples of {MULTIPLE} from {2 * MULTIPLE} up, and the input size is "
                f"{header.imgsz[0]}x{header.imgsz[1]}",
                where="--free-size",
                remedy="Choose another with --imgsz",
            )
        for axis, name in ((2, "rows"), (3, "columns")):
            sides[axis] = MULTIPLE * torch.export.Dim(name, min=2, max=4096 // MULTIPLE)
    return sides


def _try_size(network: nn.Module, image: Tensor, header: Header) -> None:
    try:
        shape = tuple(network(image).shape)
    except (RuntimeError, ValueError, AssertionError) as error:  # networks have their own ways of refusing
        reason = " ".join(str(error).split())[:120]
    else:
        if shape[2:] == header.imgsz:
            return
        reason = f"it answers with {shape[2]}x{shape[3]}"
    raise UsageError(
        f"{header.model} cannot take images of {header.imgsz[0]}x{header.imgsz[1]} pixels ({reason})",
        where="--imgsz",
        remedy="Try multiples of 32, from 64 up",
    )


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
