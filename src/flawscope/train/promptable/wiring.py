"""First weights of the mask decoder's attention that already look where a prompt points.

SAM learns from a billion masks that a token's place says where to look. With some ten thousand pictures there is no
time for that, so two of the four heads begin by comparing places, a broad and a sharp one, and two by comparing
contents, which tokens read at their place. Everything remains free to change; the architecture is untouched.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PLACE, _CONTENT, _REST = 2.2, 1.3, 0.3
_BROAD, _SHARP = 0.15, 0.6
"""Where in the order of frequencies, low to high, those of the two heads begin."""


@torch.no_grad()
def wire(net: Any) -> None:
    """Set the cross-attention of a fresh ``SamModel`` with four heads in its mask decoder, in place."""
    frequencies = net.shared_image_embedding.positional_embedding
    for block in net.mask_decoder.transformer.layers:
        _compare(block.cross_attn_token_to_image, frequencies)
        _compare(block.cross_attn_image_to_token, frequencies)
        _read_contents(block.cross_attn_token_to_image, frequencies)
        for norm in (block.layer_norm1, block.layer_norm2, block.layer_norm3, block.layer_norm4):
            norm.weight.fill_(0.5)  # beside places, whose waves have deviation 0.7
    _compare(net.mask_decoder.transformer.final_attn_token_to_image, frequencies)
    _read_contents(net.mask_decoder.transformer.final_attn_token_to_image, frequencies)
    net.vision_encoder.neck.layer_norm2.weight.fill_(0.5)
    for kind in (*net.prompt_encoder.point_embed, net.prompt_encoder.not_a_point_embed):
        kind.weight.mul_(0.3)


def _compare(attention: Any, frequencies: Tensor) -> None:
    """Queries and keys of like channels: broad places, sharp places, and two lots of contents."""
    size = attention.internal_dim // attention.num_attention_heads
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight.mul_(_REST)
        projection.bias.zero_()
        for head, channels in enumerate(_channels(frequencies, size)):
            rows = torch.arange(size) + head * size
            projection.weight[rows, channels] += _PLACE if head < 2 else _CONTENT


def _read_contents(attention: Any, frequencies: Tensor) -> None:
    """What the heads of places find is written to the channels that the heads of contents compare."""
    size = attention.internal_dim // attention.num_attention_heads
    contents = torch.cat(_channels(frequencies, size)[2:])
    rows = torch.arange(2 * size)
    attention.v_proj.weight[rows, contents] += 1
    attention.out_proj.weight[contents, rows] += 1


def _channels(frequencies: Tensor, size: int) -> list[Tensor]:
    """For each of four heads ``size`` channels; those of places are sine and cosine of the same waves."""
    count = frequencies.shape[1]
    order = frequencies.norm(dim=0).argsort()
    lots = []
    for begin in (_BROAD, _SHARP):
        waves = order[int(begin * count) :][: size // 2]
        lots.append(torch.cat([waves, waves + count]))
    taken = set(torch.cat(lots).tolist())
    others = torch.tensor([channel for channel in range(2 * count) if channel not in taken])
    return [*lots, others[:size], others[size : 2 * size]]
