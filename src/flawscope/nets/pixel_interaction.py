"""How defect and background relate: column-to-column attention across two neighbouring levels.

Source: OCINet, section III-D and Fig. 5 (CPIM); the form on one level is its "P. w/o CS".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flawscope.nets.layers import ConvBlock, resample


def column_attention(query: Tensor, key: Tensor, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
    """Attention between columns, in each channel by itself.

    With energy ``E[i, j] = sum over rows of query[row, i] * key[row, j]``, unscaled:

    - column ``i`` of the first result is the mixture over ``j`` of ``fine[:, j]`` by ``softmax_j E[i, j]``;
    - column ``j`` of the second is the mixture over ``i`` of ``coarse[:, i]`` by ``softmax_i E[i, j]``.

    Args:
        query: ``(b, c, h, w)`` from the fine level.
        key: ``(b, c, h, w)`` from the coarse level.
        fine: values of the fine level, ``(b, c, h, w)``.
        coarse: values of the coarse level, ``(b, c, h, w)``.
    """
    # Matrix products copy what does not lie row by row, one small matrix at a time.
    query, key, fine, coarse = (maps.contiguous() for maps in (query, key, fine, coarse))
    energy = query.transpose(2, 3) @ key
    return fine @ energy.transpose(2, 3).softmax(dim=2), coarse @ energy.softmax(dim=2)


class CrossScalePixelInteraction(nn.Module):
    """CPIM. Each branch ends as ``refine(gamma * attention + its own input)``; gamma is learnt, from 1."""

    def __init__(self, width: int, *, one_scale: bool = False) -> None:
        super().__init__()
        self.one_scale = one_scale
        self.query = nn.Conv2d(width, width, 1)
        self.key = nn.Conv2d(width, width, 1)
        self.fine_value = nn.Conv2d(width, width, 1)
        self.coarse_value = nn.Conv2d(width, width, 1)
        self.fine_gamma = nn.Parameter(torch.ones(1))
        self.coarse_gamma = nn.Parameter(torch.ones(1))
        self.fine_refine = _refine(width)
        self.coarse_refine = _refine(width)

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, c, 2h, 2w)`` and ``(b, c, h, w)``, or two equal sizes with ``one_scale``, to the same."""
        reduced = fine if self.one_scale else resample(fine, 0.5)
        mixed_fine, mixed_coarse = self._attend(reduced, coarse)
        if not self.one_scale:
            mixed_fine = resample(mixed_fine, 2)
        return (
            self.fine_refine(self.fine_gamma * mixed_fine + fine),
            self.coarse_refine(self.coarse_gamma * mixed_coarse + coarse),
        )

    def _attend(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        query, key = self.query(fine), self.key(coarse)
        values = self.fine_value(fine), self.coarse_value(coarse)
        if query.dtype not in (torch.float16, torch.bfloat16):
            return column_attention(query, key, *values)
        # The energies are unscaled sums over all rows: half-precision rounding would decide the softmax.
        with torch.autocast(fine.device.type, enabled=False):
            mixed = column_attention(query.float(), key.float(), *(value.float() for value in values))
        return mixed[0].to(query.dtype), mixed[1].to(query.dtype)


class SingleScalePixelAttention(nn.Module):
    """One level in both parts of the module, nothing resampled, the two outputs summed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.interaction = CrossScalePixelInteraction(width, one_scale=True)

    def forward(self, maps: Tensor) -> Tensor:
        """``(b, c, h, w)`` to the same."""
        first, second = self.interaction(maps, maps)
        return first + second


def _refine(width: int) -> nn.Sequential:
    return nn.Sequential(ConvBlock(width, width), nn.Dropout2d(0.1), ConvBlock(width, width, kernel=1))
