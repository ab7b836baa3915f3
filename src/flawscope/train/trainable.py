"""Which file weights to start from are in; found without torch."""

from __future__ import annotations

from pathlib import Path

from flawscope.errors import WeightsError
from flawscope.segment.loading import find_weights, shipped_weights


def trainable_weights(weights: str) -> Path:
    """The safetensors file that ``weights`` means; shipped names have one beside their ONNX file."""
    shipped = shipped_weights().get(weights)
    if shipped is not None and not Path(weights).exists():
        return shipped.with_suffix(".safetensors")
    file = find_weights(weights)
    if file.suffix.lower() != ".safetensors":
        raise WeightsError(
            "exported weights cannot be trained further",
            where=file,
            remedy="Give the .safetensors file they were exported from",
        )
    return file
