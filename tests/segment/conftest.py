"""Models of the SAM family, small enough to be made in a moment, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SIDE = 64


def spread(model: Any) -> Any:
    """Weights large enough for masks that are not all but constant."""
    import torch

    with torch.no_grad():
        for value in model.parameters():
            value.normal_(0.0, 0.5)
    return model.eval()


def tiny_sam(side: int = SIDE, patch: int = 8, hidden: int = 16, seed: int = 0, fresh: bool = False) -> Any:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    vision = transformers.SamVisionConfig(
        hidden_size=16,
        output_channels=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=side,
        patch_size=patch,
        window_size=4,
        global_attn_indexes=[0],
        num_pos_feats=hidden // 2,
        mlp_dim=32,
        initializer_range=0.02,
    )
    prompts = transformers.SamPromptEncoderConfig(
        hidden_size=hidden, image_size=side, patch_size=patch, mask_input_channels=4
    )
    decoder = transformers.SamMaskDecoderConfig(
        hidden_size=hidden,
        mlp_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        iou_head_hidden_dim=16,
        iou_head_depth=2,
    )
    config = transformers.SamConfig(
        vision_config=vision.to_dict(),
        prompt_encoder_config=prompts.to_dict(),
        mask_decoder_config=decoder.to_dict(),
    )
    model = transformers.SamModel(config)
    return model if fresh else spread(model)


def tiny_sam2(side: int = SIDE, hidden: int = 16, seed: int = 0) -> Any:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        image_size=[side, side],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone.to_dict(),
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        fpn_hidden_size=hidden,
    )
    prompts = transformers.Sam2PromptEncoderConfig(
        hidden_size=hidden, image_size=side, patch_size=16, mask_input_channels=4
    )
    decoder = transformers.Sam2MaskDecoderConfig(
        hidden_size=hidden,
        mlp_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        iou_head_hidden_dim=16,
        iou_head_depth=2,
    )
    config = transformers.Sam2Config(
        vision_config=vision.to_dict(),
        prompt_encoder_config=prompts.to_dict(),
        mask_decoder_config=decoder.to_dict(),
    )
    return spread(transformers.Sam2Model(config))


@pytest.fixture(scope="session")
def make_sam() -> Callable[..., Any]:
    """A tiny ``SamModel``; with ``fresh`` as a training begins, else with larger random weights."""
    return tiny_sam


@pytest.fixture(scope="session")
def sam_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders of tiny models by kind, ``"sam"`` or ``"sam2"``, as ``save_pretrained`` writes them."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            (tiny_sam if kind == "sam" else tiny_sam2)().save_pretrained(made[kind])
        return made[kind]

    return folder
