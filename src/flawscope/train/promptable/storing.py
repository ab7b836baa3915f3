"""A promptable model as a folder that transformers opens: half-precision safetensors and three JSON files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from flawscope.outputs import write_bytes, write_json
from flawscope.segment.header import IMAGENET_MEAN, IMAGENET_STD

_TIED = "prompt_encoder.shared_embedding.positional_embedding"


def store(net: Any, folder: Path, trained_on: Sequence[str]) -> Path:
    """Write the folder of a model, which ``SamModel.from_pretrained(folder, dtype=torch.float32)`` reads back.

    It holds ``config.json``, ``model.safetensors`` (fp16), ``preprocessor_config.json`` and ``flawscope.json``.

    Args:
        net: ``SamModel`` of transformers.
        folder: to write.
        trained_on: names of the data it has seen, so that it is never scored on a few-shot task of that material.

    Returns:
        The folder.
    """
    tensors = {
        name: value.detach().to(torch.float16).contiguous()
        for name, value in net.state_dict().items()
        if name != _TIED  # one with shared_image_embedding
    }
    config = net.config.to_dict() | {"architectures": ["SamModel"], "dtype": "float16"}
    side = net.config.vision_config.image_size
    write_json(folder / "config.json", config)
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "SamImageProcessor",
            "do_resize": True,
            "size": {"longest_edge": side},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(IMAGENET_MEAN),
            "image_std": list(IMAGENET_STD),
            "do_pad": True,
            "pad_size": {"height": side, "width": side},
            "mask_size": {"longest_edge": side // 2},
            "mask_pad_size": {"height": side // 2, "width": side // 2},
            "do_convert_rgb": True,
        },
    )
    write_json(folder / "flawscope.json", {"trained_on": list(trained_on)})
    write_bytes(folder / "model.safetensors", safetensors.torch.save(tensors, metadata={"format": "pt"}))
    return folder
