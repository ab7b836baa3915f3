"""Small residual networks for training without outside weights: timm's ResNet, fewer channels.

Plain convolutions, without attention or depthwise ones. Source of the blocks: Deep Residual Learning (He et al.,
2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SlimResNet:
    """A ResNet of basic blocks.

    Attributes:
        blocks: of each of the four levels at strides 4, 8, 16, 32.
        channels: likewise.
        stem: channels of the first two convolutions, at stride 2; the third has twice as many.
    """

    blocks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]
    stem: int

    model = "resnet10t"
    """The timm network whose numbers are replaced."""

    @property
    def options(self) -> dict[str, Any]:
        """What to tell timm."""
        return {
            "layers": self.blocks,
            "channels": self.channels,
            "stem_width": self.stem,
            "stem_type": "deep",
            "replace_stem_pool": True,
        }


SLIM_RESNETS = {
    "slim_resnet_nano": SlimResNet((1, 1, 2, 1), (24, 48, 96, 128), 8),
    "slim_resnet_tiny": SlimResNet((1, 2, 2, 2), (32, 64, 128, 192), 8),
}
