"""Exponential moving average of the weights, with a short memory while there is little to remember."""

from __future__ import annotations

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn

Averaged = tuple[Tensor, ...] | list[Tensor]


class MovingAverage(WeightAveraging):
    """Lightning's weight averaging with the decay ``min(decay, (1 + n) / (10 + n))`` after n updates.

    The rising decay lets short runs (fine-tuning on a few images) be averaged too; with a constant one the first
    weights would weigh on a run of a hundred steps to its end. Batch-norm statistics are averaged as well.

    Args:
        decay: the limit, below 1.
    """

    def __init__(self, decay: float) -> None:
        def blend(averages: Averaged, current: Averaged, updates: Tensor | int) -> None:
            now = min(decay, (1 + int(updates)) / (10 + int(updates)))
            if averages[0].is_floating_point():
                torch._foreach_lerp_(averages, current, 1 - now)
            else:  # counters
                torch._foreach_copy_(averages, current)

        super().__init__(use_buffers=True, multi_avg_fn=blend)

    @property
    def network(self) -> nn.Module | None:
        """The network with averaged weights; None before training begins."""
        if self._average_model is None:
            return None
        network = self._average_model.module.network
        assert isinstance(network, nn.Module)
        return network
