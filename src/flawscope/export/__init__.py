"""Trained networks as files that run without torch, and the proof that they say the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flawscope.export.comparison import GATES, Gate, Parity, parity
from flawscope.export.shown import Shown
from flawscope.segment.header import Header

if TYPE_CHECKING:
    from torch import nn

__all__ = ["GATES", "Gate", "Parity", "Shown", "parity", "write_onnx"]


def write_onnx(network: nn.Module, header: Header, path: str | Path, *, half: bool = True) -> Path:
    """Export ``network`` to ``path``; see :func:`flawscope.export.onnx.write_onnx`."""
    from flawscope.export.onnx import write_onnx as write

    return write(network, header, path, half=half)
