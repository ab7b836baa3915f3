"""The shape of the small promptable model: SAM as transformers builds it, at 256 px and about 1.6 M parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from flawscope.errors import MissingExtraError
from flawscope.train.promptable.wiring import wire

try:
    from transformers import (
        SamConfig,
        SamMaskDecoderConfig,
        SamModel,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )
except ImportError as error:
    raise MissingExtraError("transformers", "sam") from error


@dataclass(frozen=True, slots=True)
class Preset:
    """Sizes of a model.

    Attributes:
        side: of the square input in pixels.
        patch: pixels a side of one token; thin scratches need small ones. Mask logits have four cells a token.
        hidden: width of the image encoder.
        depth: its layers.
        heads: its attention heads.
        window: tokens a side of the windows that all but the global layers attend within.
        global_layers: which layers attend to the whole image, counted from 0.
        channels: width of the embedding, the prompts and the mask decoder.
        mlp: hidden width of the decoder's perceptrons.
    """

    side: int = 256
    patch: int = 8
    hidden: int = 128
    depth: int = 6
    heads: int = 4
    window: int = 8
    global_layers: tuple[int, ...] = (5,)
    channels: int = 96
    mlp: int = 256

    @property
    def cells(self) -> int:
        """Tokens a side."""
        return self.side // self.patch


def build(preset: Preset, seed: int = 0) -> Any:
    """A fresh ``SamModel`` of transformers with these sizes; the same weights for the same seed.

    transformers' initial values are meant to be overwritten by trained ones: so small that a model of this width
    hardly learns. Prompt encoder and mask decoder begin as torch's layers do, as in SAM; the image encoder by
    Glorot's rule, its positions as sines and cosines. It has no relative positions, which double its time here. The
    frequencies of prompt positions have deviation 1 (Kirillov et al. 2023) and stay fixed.
    """
    sides: dict[str, Any] = {"image_size": preset.side, "patch_size": preset.patch}
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=preset.hidden,
            output_channels=preset.channels,
            num_hidden_layers=preset.depth,
            num_attention_heads=preset.heads,
            mlp_ratio=3.0,
            window_size=preset.window,
            global_attn_indexes=list(preset.global_layers),
            num_pos_feats=preset.channels // 2,
            use_rel_pos=False,
            **sides,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=preset.channels, **sides).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=preset.channels,
            mlp_dim=preset.mlp,
            num_attention_heads=4,
            iou_head_hidden_dim=preset.channels,
        ).to_dict(),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SamModel(config)
        for part in (net.prompt_encoder, net.mask_decoder):
            part.apply(_as_torch_does)
        net.vision_encoder.apply(_glorot)
        with torch.no_grad():
            positions = net.vision_encoder.pos_embed
            assert positions is not None
            positions.copy_(0.2 * sines(preset.cells, preset.hidden))
            frequencies = net.shared_image_embedding.positional_embedding
            frequencies.copy_(torch.randn(frequencies.shape))
        wire(net)
    net.shared_image_embedding.positional_embedding.requires_grad_(False)
    return net


def _as_torch_does(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
        layer.reset_parameters()


def _glorot(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def sines(cells: int, width: int) -> torch.Tensor:
    """``(1, cells, cells, width)`` sines and cosines of row and column at geometric wavelengths."""
    quarter = width // 4
    speeds = np.pi / cells * (cells / 2.0) ** np.linspace(0, 1, quarter)
    angles = (np.arange(cells)[:, None] + 0.5) * speeds[None]
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    table = np.zeros((1, cells, cells, width), np.float32)
    table[0, :, :, : 2 * quarter] = waves[:, None]
    table[0, :, :, 2 * quarter : 4 * quarter] = waves[None]
    return torch.from_numpy(table)
