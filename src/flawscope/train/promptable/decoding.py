"""SAM's prompt encoder and mask decoder run on many prompts at once, with all of its four masks.

``SamModel.forward`` gives either the one mask for clear prompts or the three for ambiguous ones, and one mask prompt
an image; training wants all. Tests hold these functions to the same numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def embed_tokens(net: Any, places: Tensor, kinds: Tensor) -> Tensor:
    """``(n, t, 2)`` places in pixels and ``(n, t)`` kinds (see ``prompts``) to ``(n, t, channels)``."""
    encoder = net.prompt_encoder
    side = encoder.input_image_size
    where = encoder.shared_embedding((places + 0.5) / side)
    what = torch.cat([encoder.not_a_point_embed.weight, *(kind.weight for kind in encoder.point_embed)])
    return where * (kinds >= 0).unsqueeze(-1) + what[kinds + 1]


def embed_masks(net: Any, logits: Tensor, given: Tensor) -> Tensor:
    """``(n, channels, h, w)``: of the mask prompt ``(n, 1, 4h, 4w)`` where ``given`` ``(n,)``, else of none."""
    encoder = net.prompt_encoder
    none = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
    return torch.where(given.view(-1, 1, 1, 1), encoder.mask_embed(logits), none)


def decode(net: Any, embedding: Tensor, tokens: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
    """All masks of each prompt.

    Args:
        net: a ``SamModel``.
        embedding: ``(n, channels, h, w)`` of the image of each prompt.
        tokens: ``(n, t, channels)``.
        dense: ``(n, channels, h, w)``.

    Returns:
        Logits ``(n, 4, 4h, 4w)``, first the one for clear prompts, then the three for ambiguous ones; and the
        IoU that the model expects of each, ``(n, 4)``.
    """
    decoder = net.mask_decoder
    count, channels, rows, columns = embedding.shape
    learnt = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    queries = torch.cat([learnt.expand(count, -1, -1), tokens], dim=1).unsqueeze(1)
    positions = net.get_image_wide_positional_embeddings().expand(count, -1, -1, -1)
    answers, cells = decoder.transformer(
        point_embeddings=queries,
        image_embeddings=embedding + dense,
        image_positional_embeddings=positions,
        attention_similarity=None,
    )
    maps = cells.transpose(2, 3).reshape(count, channels, rows, columns)
    maps = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(maps)))
    maps = decoder.activation(decoder.upscale_conv2(maps))
    mixes = [mix(answers[:, 0, 1 + index]) for index, mix in enumerate(decoder.output_hypernetworks_mlps)]
    logits = torch.stack(mixes, dim=1) @ maps.flatten(2)
    return logits.view(count, len(mixes), 4 * rows, 4 * columns), decoder.iou_prediction_head(
        answers[:, 0, 0]
    )
