"""Where an image lies in the square input of SAM, and back.

SAM scales the longer side to the square and pads at the bottom right (Kirillov et al. 2023); SAM 2 stretches the
image to the whole square (Ravi et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from flawscope.images import Image, resize, to_float

if TYPE_CHECKING:
    from torch import Tensor

_FURTHEST = 1e-3


@dataclass(frozen=True, slots=True)
class Frame:
    """One image in the square.

    Attributes:
        original: ``(height, width)`` of the image in pixels.
        resized: ``(height, width)`` of the part of the square it fills, from the top left.
        side: of the square.
        padded: whether the rest of the square is padding; otherwise the image fills it.
    """

    original: tuple[int, int]
    resized: tuple[int, int]
    side: int
    padded: bool

    @classmethod
    def of(cls, height: int, width: int, side: int, *, padded: bool) -> Frame:
        """The frame of an image of ``height`` times ``width`` pixels in a square of ``side``."""
        if not padded:
            return cls((height, width), (side, side), side, padded)
        scale = side / max(height, width)
        resized = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
        return cls((height, width), resized, side, padded)

    def pixels(
        self, image: Image, mean: npt.NDArray[np.float32], std: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """``(3, side, side)``: the image as floats in 0 to 1, resized, normalised, and padded with zeros.

        Args:
            image: in the convention of ``flawscope.images``; 16 bits stay.
            mean: ``(3,)`` of RGB in 0 to 1.
            std: ``(3,)``.
        """
        small = (resize(to_float(image), *self.resized) - mean) / std
        square = np.zeros((3, self.side, self.side), dtype=np.float32)
        square[:, : self.resized[0], : self.resized[1]] = small.transpose(2, 0, 1)
        return square

    def places(self, xy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(..., 2)`` of ``(x, y)`` in pixels of the image to the square's."""
        height, width = self.original
        scale = np.array([self.resized[1] / width, self.resized[0] / height], dtype=np.float64)
        return (xy * scale).astype(np.float32)

    def mask_logits(self, mask: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
        """A mask prompt as SAM reads it: ``(side, side)`` log-odds, between -6.9 and 6.9; padding has the least."""
        rows, columns = self._share(side)
        square = np.zeros((side, side), dtype=np.float32)
        square[:rows, :columns] = resize(mask, rows, columns)
        odds = np.clip(square, _FURTHEST, 1 - _FURTHEST)
        logits: npt.NDArray[np.float32] = np.log(odds / (1 - odds))
        return logits

    def valid(self, maps: Tensor) -> Tensor:
        """``(..., a, a)`` maps of the square, cut to the cells that the image touches."""
        rows, columns = self._share(maps.shape[-1])
        return maps[..., :rows, :columns]

    def to_original(self, maps: Tensor) -> Tensor:
        """``(n, k, a, a)`` maps of the square, bilinear, to ``(n, k, height, width)`` at the image's size."""
        from torch.nn.functional import interpolate

        if self.padded:
            maps = interpolate(maps, (self.side, self.side), mode="bilinear", align_corners=False)
            maps = maps[..., : self.resized[0], : self.resized[1]]
        return interpolate(maps, self.original, mode="bilinear", align_corners=False)

    def _share(self, cells: int) -> tuple[int, int]:
        """How many of ``cells`` along each side the image touches."""
        return -(-self.resized[0] * cells // self.side), -(-self.resized[1] * cells // self.side)
