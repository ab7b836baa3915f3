"""A network as an OpenVINO pair: ``.xml`` with the graph and Flawscope's header, ``.bin`` with the weights."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flawscope.errors import OutputError, UsageError
from flawscope.outputs import output_error
from flawscope.segment.header import HEADER_KEY, Header
from flawscope.segment.header_writing import with_openvino_header
from flawscope.segment.openvino_network import DIGEST_ENTRY, HEADER_ENTRY
from flawscope.segment.openvino_runtime import openvino

_NOT_YET = "0" * 64
"""Stands in the ``.xml`` for the digest of the ``.bin``, which is known only once both are written."""


_NUMBERED = re.compile(r"[A-Z]\w*_\d+")


def from_onnx(content: bytes) -> Any:
    """The ``openvino.Model`` of an ONNX file's content.

    Layers that OpenVINO numbers itself, differently every time, get the name of what adds their bias.
    """
    model = openvino().Core().read_model(content)
    for node in model.get_ops():
        if node.get_type_name().endswith("BackpropData") and _NUMBERED.fullmatch(node.get_friendly_name()):
            (after,) = node.output(0).get_target_inputs()
            node.set_friendly_name(f"{after.get_node().get_friendly_name()}/WithoutBiases")
    return model


def write_openvino(model: Any, header: Header, path: str | Path, *, half: bool = True) -> Path:
    """Write ``model`` to ``path`` (``.xml``) and the ``.bin`` beside it, with ``header`` and the digest inside.

    Args:
        model: an ``openvino.Model``.
        header: becomes the entry ``flawscope/header`` of its ``rt_info``.
        path: the ``.xml``; for both files or none see :func:`pair`.
        half: store the weights as 16-bit floats; they are read back as 32 bits.

    Raises:
        OutputError: they cannot be written.
    """
    file = Path(path)
    model.set_rt_info(header.dumps(), [HEADER_KEY, HEADER_ENTRY])
    model.set_rt_info(_NOT_YET, [HEADER_KEY, DIGEST_ENTRY])
    try:
        openvino().save_model(model, file, compress_to_fp16=half)
        digest = hashlib.sha256(file.with_suffix(".bin").read_bytes()).hexdigest()
        text = file.read_bytes()
        assert text.count(_NOT_YET.encode()) == 1
        file.write_bytes(text.replace(_NOT_YET.encode(), digest.encode()))
    except OSError as error:
        raise output_error(error, file) from error
    except RuntimeError as error:  # openvino's own, for a disk that is full, say
        reason = " ".join(str(error).split())[:120]
        raise OutputError(f"could not write: {reason}", where=file) from error
    return file


def write_header_again(path: str | Path, header: Header) -> None:
    """Put ``header`` into a ``.xml`` of :func:`write_openvino` instead of its own; nothing else changes.

    Raises:
        OutputError: it cannot be written.
    """
    file = Path(path)
    try:
        file.write_bytes(with_openvino_header(file, header))
    except OSError as error:
        raise output_error(error, file) from error


@contextmanager
def pair(path: str | Path) -> Iterator[Path]:
    """A temporary ``.xml`` that takes the name ``path``, with its ``.bin``, only when the block ends well.

    The ``.bin`` goes first: killed in between, an older ``.xml`` refuses the new ``.bin`` by its digest.

    Raises:
        UsageError: a ``.bin`` of this name is there that belongs to no ``.xml``.
        OutputError: they cannot be written.
    """
    final = Path(path)
    weights = final.with_suffix(".bin")
    if weights.exists() and not final.exists():
        raise UsageError(
            "would be overwritten, and is no part of an OpenVINO network",
            where=weights,
            remedy="Choose another --out",
        )
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{final.stem[:80]}-", dir=final.parent) as folder:
            made = Path(folder) / final.name
            yield made
            made.with_suffix(".bin").replace(weights)
            made.replace(final)
    except OSError as error:
        raise output_error(error, final) from error
