"""The defect reasoner: from four levels of features to four maps of logits, coarse to fine.

Source: OCINet, section III-E and the bottom of Fig. 2 (DR1 to DR4 and the SegHeads). The level at stride 2 is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flawscope.nets.layers import ConvBlock, UpBlock, resample

LOGIT_STRIDES = (4, 4, 8, 16)
"""Input pixels a logit, before enlarging, of S1 to S4."""
_FINE_STRIDE = 2
_FINE_WIDTH = 16
"""Channels at stride 2, at most: this level has most of the pixels."""


class DefectReasoner(nn.Module):
    """Four blocks and four heads.

    Args:
        width: channels of each level.
        channels: logits a pixel.
        shared_first_head: apply the head of level 2 to level 1 as well, as the published model does; the
            head of level 1 then exists but is never used.
        dropout: of the blocks that enlarge (0.5 in the published model).
        fine_inputs: channels of a fifth level at stride 2, whose map then is the finest; None for none.
    """

    def __init__(
        self,
        width: int,
        channels: int,
        *,
        shared_first_head: bool = False,
        dropout: float = 0.5,
        fine_inputs: int | None = None,
    ) -> None:
        super().__init__()
        self.shared_first_head = shared_first_head
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(ConvBlock(2 * width, width), ConvBlock(width, width)),
                _enlarging(2 * width, width, dropout),
                _enlarging(2 * width, width, dropout),
                _enlarging(width, width, dropout),
            ]
        )
        # with a finer level the coarsest map would be a fifth, and says least
        self.heads = nn.ModuleList(
            nn.Conv2d(width, channels, 3, padding=1) for _ in range(4 if fine_inputs is None else 3)
        )
        self.fine = None if fine_inputs is None else FineLevel(fine_inputs, width, channels)

    def forward(
        self, levels: Sequence[Tensor], finest: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Four ``(b, c, H/s, W/s)``, s of 4, 8, 16, 32, to four logit maps ``(b, channels, H, W)``.

        Args:
            levels: of the same width.
            finest: ``(b, fine_inputs, H/2, W/2)``, where the reasoner has a fifth level.
        """
        first, second, third, fourth = levels
        of_fourth = self.blocks[3](fourth)
        of_third = self.blocks[2](torch.cat([of_fourth, third], dim=1))
        of_second = self.blocks[1](torch.cat([of_third, second], dim=1))
        of_first = self.blocks[0](torch.cat([of_second, first], dim=1))
        if self.fine is not None:
            assert finest is not None
            return (
                resample(self.fine(of_first, finest), _FINE_STRIDE),
                resample(self.heads[0](of_first), LOGIT_STRIDES[0]),
                resample(self.heads[1](of_second), LOGIT_STRIDES[1]),
                resample(self.heads[2](of_third), LOGIT_STRIDES[2]),
            )
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


class FineLevel(nn.Module):
    """What the reasoner found at stride 4, joined with features at stride 2, for thin defects and sharp borders.

    Args:
        inputs: channels at stride 2.
        width: channels at stride 4.
        channels: logits a pixel.
    """

    def __init__(self, inputs: int, width: int, channels: int) -> None:
        super().__init__()
        narrow = min(width, _FINE_WIDTH)
        self.adjust = ConvBlock(inputs, narrow)
        self.enlarge = UpBlock(width, narrow)
        self.block = nn.Sequential(ConvBlock(2 * narrow, narrow), ConvBlock(narrow, narrow))
        self.head = nn.Conv2d(narrow, channels, 3, padding=1)

    def forward(self, first: Tensor, finest: Tensor) -> Tensor:
        """``(b, width, H/4, W/4)`` and ``(b, inputs, H/2, W/2)`` to logits ``(b, channels, H/2, W/2)``."""
        joined = torch.cat([self.enlarge(first), self.adjust(finest)], dim=1)
        logits: Tensor = self.head(self.block(joined))
        return logits


def _enlarging(inputs: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(inputs, width), ConvBlock(width, width), nn.Dropout(dropout), UpBlock(width, width)
    )
