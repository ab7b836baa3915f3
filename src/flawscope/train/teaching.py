"""Distillation: a network learns, beside the masks, what trained networks say of the same images.

Source: Hinton et al. (2015), with the mean of several teachers' probabilities as the soft target, on the very images
that the student sees: augmented, cut and resized.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flawscope.errors import WeightsError
from flawscope.segment.header import Header, read_safetensors_header
from flawscope.segment.network import activate, finest, load_network
from flawscope.train.losses import LEVEL_WEIGHTS, pixel_cross_entropy
from flawscope.train.trainable import trainable_weights


class Teachers:
    """Trained networks, asked together.

    They are no part of the network that learns: neither its checkpoints nor its averages hold them.

    Args:
        networks: in evaluation mode, with the classes and the normalisation of the one that learns.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._networks = list(networks)

    @torch.no_grad()
    def say(self, images: Tensor) -> Tensor:
        """Their mean probability of each defect class, ``(b, K, h, w)``, for normalised ``(b, 3, h, w)``."""
        total: Tensor | None = None
        for network in self._networks:
            answer = activate(finest(network.to(images.device)(images))).float()
            total = answer if total is None else total + answer
        assert total is not None
        mean = total / len(self._networks)
        return mean if mean.shape[1] == 1 else mean[:, 1:]


def distillation(maps: Sequence[Tensor], said: Tensor) -> Tensor:
    """Cross-entropy of every map against what the teachers said, weighted like the hybrid loss.

    Args:
        maps: logits, finest first, each ``(b, 1 or K + 1, h, w)``.
        said: ``(b, K, h, w)`` in 0 to 1.
    """
    total = said.new_zeros(())
    for weight, logits in zip(LEVEL_WEIGHTS[: len(maps)], maps, strict=True):
        total = total + weight * pixel_cross_entropy(logits.float(), said)
    return total


def open_teachers(weights: Sequence[str], header: Header) -> Teachers:
    """Teachers for the network that ``header`` describes.

    Args:
        weights: ``.safetensors`` files, run folders or shipped names.
        header: of the run.

    Raises:
        WeightsError: other classes or another normalisation, or weights that cannot be read.
    """
    networks = []
    for name in weights:
        file = trainable_weights(name)
        theirs = read_safetensors_header(file)
        if (theirs.labels, theirs.mean, theirs.std) != (header.labels, header.mean, header.std):
            raise WeightsError(
                f"a teacher of {', '.join(theirs.labels)} cannot teach {', '.join(header.labels)}",
                where=file,
                remedy="Teachers need the same classes and normalisation",
            )
        networks.append(load_network(file))
    return Teachers(networks)
