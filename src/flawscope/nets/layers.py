"""The few layers that every part of OCINet is made of.

Axes everywhere in this room: ``(b, c, h, w)`` is batch, channels, rows, columns. Of two neighbouring levels
the *fine* one has twice the rows and columns of the *coarse* one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Sequential):
    """Convolution without bias, batch norm, ReLU; rows and columns are kept."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)


class UpBlock(nn.Sequential):
    """2x2 transposed convolution of stride 2 without bias, batch norm, ReLU: twice the rows and columns."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)


def resample(maps: Tensor, factor: float) -> Tensor:
    """Bilinear resizing by ``factor`` with corners aligned, as everywhere inside the published network."""
    return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=True)


def mean_and_max(maps: Tensor) -> Tensor:
    """Mean and maximum over channels, ``(b, c, h, w)`` to ``(b, 2, h, w)``."""
    return torch.cat([maps.mean(dim=1, keepdim=True), maps.amax(dim=1, keepdim=True)], dim=1)


def initialise(part: nn.Module) -> None:
    """He initialisation (the paper's "Kaiming") of all convolutions and linear layers below ``part``.

    Normal, by fan-in, gain of a ReLU; biases start at zero, batch norms as the identity.
    """
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
