"""Three attention modules of other papers in the places of CCIM and CSIM, with the same fusion units.

The OCINet paper compares them (Table III, rows 8 to 10) without giving their inner widths; they are built
here from the descriptions in their own papers. Parameters that result with c = 128 and PVT-v2-b2, beside the
printed ones:

======  ==========  ========  ===============================================================
module  here        printed   how it is placed
======  ==========  ========  ===============================================================
SWSAM   28,154,380  28.154 M  on each map of a pair by itself, at its own size
RSCAM   28,177,348  28.176 M  on both maps concatenated at the fine size (2c channels)
LSKM    28,507,414  28.507 M  on both maps concatenated at the fine size (2c channels)
======  ==========  ========  ===============================================================

Of the placements tried by counting, these come nearest; two agree with every printed digit. RSCAM is 0.001 M
above: its paper leaves open which convolutions have biases, and here none has.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from flawscope.nets.layers import mean_and_max, resample
from flawscope.nets.spatial_interaction import attention_conv

SHUFFLE_PARTS = 4
STRIP = 11


class ShuffleWeightedSpatialAttention(nn.Module):
    """SWSAM: channels shuffled and cut into four parts, a spatial attention each, their weighted sum the gate.

    Source: "Salient Object Detection in Optical Remote Sensing Images Driven by Transformer" (GeleNet). The
    four weights are learnt and made to sum to 1 by a softmax.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(attention_conv() for _ in range(SHUFFLE_PARTS))
        self.weights = nn.Parameter(torch.zeros(SHUFFLE_PARTS))

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)``, c a multiple of 4, to the same."""
        b, c, h, w = maps.shape
        shuffled = maps.reshape(b, SHUFFLE_PARTS, c // SHUFFLE_PARTS, h, w).transpose(1, 2).flatten(1, 2)
        gates = [
            torch.sigmoid(conv(mean_and_max(part)))
            for conv, part in zip(self.convs, shuffled.chunk(SHUFFLE_PARTS, dim=1), strict=True)
        ]
        weights = self.weights.softmax(dim=0)
        return maps * sum(weight * gate for weight, gate in zip(weights, gates, strict=True))


class RectangularSelfCalibration(nn.Module):
    """RSCAM: row and column means added into a cross, shaped by two strip convolutions, gating local detail.

    Source: "Context-Guided Spatial Feature Reconstruction for Efficient Semantic Segmentation". All
    convolutions are depth-wise: 1x11 and 11x1 for the shape of the gate, 3x3 for the detail it gates.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.shape = nn.Sequential(
            nn.Conv2d(channels, channels, (1, STRIP), padding=(0, STRIP // 2), groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, (STRIP, 1), padding=(STRIP // 2, 0), groups=channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)`` to the same."""
        cross = maps.mean(dim=3, keepdim=True) + maps.mean(dim=2, keepdim=True)
        return self.shape(cross) * self.detail(maps)


class LargeSelectiveKernel(nn.Module):
    """LSKM: two receptive fields in sequence, weighed against each other at every pixel.

    Source: "Large Selective Kernel Network for Remote Sensing Object Detection" (LSKNet). Depth-wise 5x5, then
    depth-wise 7x7 with dilation 3, each projected to half the channels; a 7x7 convolution over the mean and
    maximum of both gives one gate a field; their gated sum, projected back, multiplies the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.far = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.project_near = nn.Conv2d(channels, half, 1)
        self.project_far = nn.Conv2d(channels, half, 1)
        self.select = nn.Conv2d(2, 2, 7, padding=3)
        self.expand = nn.Conv2d(half, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)`` to the same."""
        near = self.near(maps)
        far = self.project_far(self.far(near))
        near = self.project_near(near)
        near_gate, far_gate = torch.sigmoid(self.select(mean_and_max(torch.cat([near, far], dim=1)))).chunk(
            2, 1
        )
        return maps * self.expand(near * near_gate + far * far_gate)


class OnEach(nn.Module):
    """An attention of its own on either map of a pair."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.fine = make()
        self.coarse = make()

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        return self.fine(fine), self.coarse(coarse)


class OnConcatenation(nn.Module):
    """One attention on both maps of a pair, concatenated by channel at the fine size."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        first, second = self.attention(torch.cat([fine, resample(coarse, 2)], dim=1)).chunk(2, dim=1)
        return first, resample(second, 0.5)
