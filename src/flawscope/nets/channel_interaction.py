"""Where the defect is: channel attention across two neighbouring levels.

Source: OCINet, section III-B and Fig. 3 (CCIM and its unit, CCAU); the two simpler forms are the rows
"vanilla CA" and "C. w/o CS" of its Table III.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def bottleneck(channels: int, hidden: int) -> nn.Sequential:
    """Two bias-free fully connected layers with a ReLU between: ``(b, channels)`` to the same."""
    return nn.Sequential(
        nn.Linear(channels, hidden, bias=False),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, channels, bias=False),
    )


def interleave(fine: Tensor, coarse: Tensor) -> Tensor:
    """Channel shuffle of the concatenation with two groups: fine 1, coarse 1, fine 2, coarse 2, ...

    Both ``(b, c)``; the result ``(b, 2c)``.
    """
    return torch.stack([fine, coarse], dim=2).flatten(1)


class CollaborativeChannelAttention(nn.Module):
    """CCAU: gates for one group of channels of both levels, from their pooled values.

    The gates come out in shuffled order and are cut in half as they are, without un-shuffling.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bottleneck = bottleneck(2 * channels, max(1, channels // 2))

    def forward(
        self, fine_mean: Tensor, fine_max: Tensor, coarse_mean: Tensor, coarse_max: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Four ``(b, c)`` to the gates of the fine and of the coarse map, each ``(b, c)`` in 0 to 1."""
        from_mean = self.bottleneck(interleave(fine_mean, coarse_mean))
        from_max = self.bottleneck(interleave(fine_max, coarse_max))
        fine_gate, coarse_gate = torch.sigmoid(from_mean + from_max).chunk(2, dim=1)
        return fine_gate, coarse_gate


class CrossScaleChannelInteraction(nn.Module):
    """CCIM: both maps cut into groups of channels, each pair of groups with a unit of its own."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(CollaborativeChannelAttention(width // groups) for _ in range(groups))

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        pooled = (*_pool(fine), *_pool(coarse))
        by_group = zip(*(values.chunk(len(self.units), dim=1) for values in pooled), strict=True)
        gates = [unit(*group) for unit, group in zip(self.units, by_group, strict=True)]
        fine_gate, coarse_gate = (torch.cat(parts, dim=1) for parts in zip(*gates, strict=True))
        return _scale(fine, fine_gate), _scale(coarse, coarse_gate)


class VanillaChannelAttention(nn.Module):
    """Both levels' channels simply concatenated, one bottleneck of reduction 16 for all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bottleneck = bottleneck(2 * width, max(1, 2 * width // 16))

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        (fine_mean, fine_max), (coarse_mean, coarse_max) = _pool(fine), _pool(coarse)
        from_mean = self.bottleneck(torch.cat([fine_mean, coarse_mean], dim=1))
        from_max = self.bottleneck(torch.cat([fine_max, coarse_max], dim=1))
        fine_gate, coarse_gate = torch.sigmoid(from_mean + from_max).chunk(2, dim=1)
        return _scale(fine, fine_gate), _scale(coarse, coarse_gate)


class SingleScaleChannelAttention(nn.Module):
    """One level alone: the channel attention of CBAM, reduction 16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bottleneck = bottleneck(width, max(1, width // 16))

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)`` to the same."""
        mean, maximum = _pool(maps)
        return _scale(maps, torch.sigmoid(self.bottleneck(mean) + self.bottleneck(maximum)))


def _pool(maps: Tensor) -> tuple[Tensor, Tensor]:
    return maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))


def _scale(maps: Tensor, gate: Tensor) -> Tensor:
    return maps * gate[:, :, None, None]
