"""How large a network is and how much it computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def parameters(net: nn.Module) -> int:
    """Number of learnt values (batch-norm statistics are not learnt and do not count)."""
    return sum(parameter.numel() for parameter in net.parameters())


def multiply_adds(net: nn.Module, height: int, width: int) -> int:
    """Multiply-adds for one image, of convolutions and linear layers only.

    Attention products, norms, pooling and resizing are left out, as is the usage in papers. The network is
    run once on the device its parameters are on; on ``torch.device("meta")`` that costs next to nothing.

    Args:
        net: takes ``(1, 3, height, width)``.
        height: rows of the input.
        width: columns of the input.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features
        elif isinstance(layer, nn.ConvTranspose2d):
            total += inputs[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Conv2d):
            total += output.numel() * layer.weight[0].numel()

    hooks = [
        layer.register_forward_hook(count)
        for layer in net.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, 3, height, width, device=next(net.parameters()).device))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    return total
