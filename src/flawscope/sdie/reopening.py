"""The segmenter of an artefact: how it is found again, and what prompts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from flawscope.errors import WeightsError
from flawscope.outputs import write_bytes
from flawscope.sdie.segmenter_place import PROMPTABLE, SAM, kind_and_text, located
from flawscope.segment.base import Segmenter
from flawscope.segment.embedder import SamEmbedder
from flawscope.segment.opening import open_segmenter
from flawscope.segment.prompted import PROTOTYPE, Prompted, PrototypeSegmenter, Use, Witnessed
from flawscope.segment.support import SupportModel

if TYPE_CHECKING:
    from flawscope.segment.sam import SamSegmenter

SUPPORT = "support.safetensors"


def write_support(folder: Path, model: SupportModel) -> None:
    """What prompts the segmenter, beside the policy: numbers learnt from the supports, not the images."""
    arrays = {name: np.asarray(value, order="C") for name, value in model.to_arrays().items()}
    write_bytes(folder / SUPPORT, save(arrays))


def reopen(spec: str, use: Sequence[Use] | None, folder: Path, device: str) -> Segmenter:
    """The segmenter that an artefact names.

    Args:
        spec: as ``open_segmenter`` takes it, or ``prototype``: the support model's map itself. A path is looked for
            in the folder of the artefact, then in the working directory.
        use: which prompts the segmenter gets from the support model; with none of them it is only a witness; None
            without one.
        folder: of the artefact.
        device: of the segmenter.

    Raises:
        WeightsError: the support model is missing or damaged, or the segmenter's file is not there.
        UsageError: no such segmenter.
    """
    if spec == PROTOTYPE:
        return PrototypeSegmenter(_support(folder, None))
    segmenter = open_segmenter(located(spec, folder), device=device, also=(PROTOTYPE,))
    if use is None:
        return segmenter
    embeds = kind_and_text(spec)[0] in (SAM, PROMPTABLE)
    model = _support(folder, SamEmbedder(cast("SamSegmenter", segmenter)) if embeds else None)
    return Prompted(segmenter, model, tuple(use)) if use else Witnessed(segmenter, model)


def _support(folder: Path, embedder: SamEmbedder | None) -> SupportModel:
    file = folder / SUPPORT
    if not file.is_file():
        raise WeightsError(f"{SUPPORT} is missing", where=folder, remedy="Copy the whole folder")
    try:
        arrays = load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError("damaged or cut short", where=file, remedy="Copy it again") from error
    return SupportModel.from_arrays(arrays, embedder)
