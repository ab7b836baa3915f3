"""What the defect is: spatial attention across two neighbouring levels.

Source: OCINet, section III-C and Fig. 4 (CSIM and its unit, CSAU); the two simpler forms are the rows
"vanilla SA" and "S. w/o CS" of its Table III.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flawscope.nets.layers import mean_and_max, resample


def attention_conv() -> nn.Conv2d:
    """7x7 from (mean, maximum) to one map of gates before the sigmoid, without bias."""
    return nn.Conv2d(2, 1, 7, padding=3, bias=False)


class CollaborativeSpatialAttention(nn.Module):
    """CSAU: gates for one half of the rows of both levels, which are stacked along the height."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = attention_conv()

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """Channel mean and maximum of both, ``(b, 2, rows, w)``, to gates ``(b, 1, rows, w)`` in 0 to 1."""
        rows = fine.shape[2]
        gates = torch.sigmoid(self.conv(torch.cat([fine, coarse], dim=2)))
        return gates[:, :, :rows], gates[:, :, rows:]


class CrossScaleSpatialInteraction(nn.Module):
    """CSIM: the coarse map enlarged, both cut into an upper and a lower half, a unit for each half."""

    def __init__(self) -> None:
        super().__init__()
        self.upper = CollaborativeSpatialAttention()
        self.lower = CollaborativeSpatialAttention()

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        enlarged = resample(coarse, 2)
        # Channel statistics do not see rows, so they are taken before the cut.
        of_fine, of_coarse = mean_and_max(fine), mean_and_max(enlarged)
        half = fine.shape[2] // 2
        fine_upper, coarse_upper = self.upper(of_fine[:, :, :half], of_coarse[:, :, :half])
        fine_lower, coarse_lower = self.lower(of_fine[:, :, half:], of_coarse[:, :, half:])
        fine_gate = torch.cat([fine_upper, fine_lower], dim=2)
        coarse_gate = torch.cat([coarse_upper, coarse_lower], dim=2)
        return fine * fine_gate, resample(enlarged * coarse_gate, 0.5)


class VanillaSpatialAttention(nn.Module):
    """Both levels concatenated by channel at the fine size: one map of gates for the two."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = attention_conv()

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)`` to the same shapes."""
        enlarged = resample(coarse, 2)
        gate = torch.sigmoid(self.conv(mean_and_max(torch.cat([fine, enlarged], dim=1))))
        return fine * gate, resample(enlarged * gate, 0.5)


class SingleScaleSpatialAttention(nn.Module):
    """One level alone: the spatial attention of CBAM."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = attention_conv()

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)`` to the same."""
        return maps * torch.sigmoid(self.conv(mean_and_max(maps)))
