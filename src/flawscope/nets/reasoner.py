"""The defect reasoner: from four levels of features to four maps of logits, coarse to fine.

Source: OCINet, section III-E and the bottom of Fig. 2 (DR1 to DR4 and the SegHeads).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flawscope.nets.layers import ConvBlock, UpBlock, resample

LOGIT_STRIDES = (4, 4, 8, 16)
"""Input pixels a logit, before enlarging, of S1 to S4."""


class DefectReasoner(nn.Module):
    """Four blocks and four heads.

    Args:
        width: channels of each level.
        channels: logits a pixel.
        shared_first_head: apply the head of level 2 to level 1 as well, as the published model does; the
            head of level 1 then exists but is never used.
    """

    def __init__(self, width: int, channels: int, *, shared_first_head: bool = False) -> None:
        super().__init__()
        self.shared_first_head = shared_first_head
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(ConvBlock(2 * width, width), ConvBlock(width, width)),
                _enlarging(2 * width, width),
                _enlarging(2 * width, width),
                _enlarging(width, width),
            ]
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, channels, 3, padding=1) for _ in range(4))

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Four ``(b, c, H/s, W/s)``, s of 4, 8, 16, 32, to four logit maps ``(b, channels, H, W)``."""
        first, second, third, fourth = levels
        of_fourth = self.blocks[3](fourth)
        of_third = self.blocks[2](torch.cat([of_fourth, third], dim=1))
        of_second = self.blocks[1](torch.cat([of_third, second], dim=1))
        of_first = self.blocks[0](torch.cat([of_second, first], dim=1))
        first_head = self.heads[1 if self.shared_first_head else 0]
        logits = (
            first_head(of_first),
            self.heads[1](of_second),
            self.heads[2](of_third),
            self.heads[3](of_fourth),
        )
        one, two, three, four = (
            resample(level, stride) for level, stride in zip(logits, LOGIT_STRIDES, strict=True)
        )
        return one, two, three, four


def _enlarging(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(inputs, width), ConvBlock(width, width), nn.Dropout(0.5), UpBlock(width, width)
    )
