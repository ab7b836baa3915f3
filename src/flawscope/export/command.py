"""Export, compare, and only then give the file its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.errors import UsageError
from flawscope.export.comparison import Parity, compared_images, parity
from flawscope.export.onnx import write_onnx
from flawscope.outputs import atomic
from flawscope.segment.header import read_safetensors_header
from flawscope.segment.loading import find_weights, load
from flawscope.segment.network import load_network


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        source: the weights it was made from.
        path: the file.
        size: bytes.
        half: whether weights are stored as 16-bit floats.
        parity: how far it agrees with the source.
    """

    source: Path
    path: Path
    size: int
    half: bool
    parity: Parity

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "source": self.source,
            "path": self.path,
            "bytes": self.size,
            "half": self.half,
            "parity": self.parity.to_json(),
        }


def export_checked(
    weights: str | Path, out: str | Path, *, data: Path | None = None, images: int = 16, half: bool = True
) -> Exported:
    """Export ``weights`` to the ONNX file ``out``, if it says the same on some images.

    Args:
        weights: a run folder or ``.safetensors`` file.
        out: the file.
        data: folder of images to compare on; drawn ones by default.
        images: how many.
        half: store the weights as 16-bit floats.

    Raises:
        WeightsError: the weights cannot be used, or fewer than 99.9 % of the pixels keep their label.
        UsageError: the weights are ONNX already, or the folder has no image.
    """
    source = find_weights(weights)
    if source.suffix.lower() != ".safetensors":
        raise UsageError(
            "already an ONNX file", where=source, remedy="Export from a .safetensors file or a run folder"
        )
    chosen = list(compared_images(data, images))
    with atomic(out) as temporary:
        write_onnx(load_network(source), read_safetensors_header(source), temporary, half=half)
        agreement = parity(load(source, device="cpu"), load(temporary, device="cpu"), chosen)
        agreement.require(out)
    return Exported(source, Path(out), Path(out).stat().st_size, half, agreement)
