"""Starting from weights that Flawscope trained before, on the same classes or on others."""

from __future__ import annotations

from safetensors.torch import load_file
from torch import nn

from flawscope.errors import WeightsError
from flawscope.segment.header import Header, read_safetensors_header
from flawscope.train.trainable import trainable_weights


def start_from(network: nn.Module, header: Header, weights: str) -> str:
    """Copy into ``network`` every tensor of ``weights`` that fits, and say in one line what was copied.

    Segmentation heads for another number of classes keep their fresh values; anything else that does not fit is
    an error.

    Args:
        network: fresh, of the model that ``header`` names.
        header: of the run that begins.
        weights: a ``.safetensors`` file, a run folder, or the name of shipped weights.

    Raises:
        WeightsError: another model, or weights that cannot be trained on.
    """
    file = trainable_weights(weights)
    stored = read_safetensors_header(file)
    if (stored.model, stored.options) != (header.model, header.options):
        raise WeightsError(
            f"weights of '{stored.model}' {stored.options or ''} do not fit '{header.model}'",
            where=file,
            remedy=f"Train with --model {stored.model}, or without --weights",
        )
    tensors = load_file(file)
    own = network.state_dict()
    fitting = {
        name: value.to(own[name].dtype)
        for name, value in tensors.items()
        if name in own and own[name].shape == value.shape
    }
    fresh = [name for name in own if name not in fitting]
    if fresh and stored.channels == header.channels:
        raise WeightsError(f"{len(fresh)} tensors do not fit the model (first: {fresh[0]})", where=file)
    network.load_state_dict(fitting, strict=False)
    heads = f", {len(fresh)} tensors of the heads start fresh" if fresh else ""
    return f"starting from {file.name}: {len(fitting)} tensors{heads}"
