"""Any timm network with features at strides 4, 8, 16 and 32 as the feature extractor."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from flawscope.errors import UsageError, WeightsError

STRIDES = (4, 8, 16, 32)


class Backbone(nn.Module):
    """The last four feature levels of a timm network.

    Args:
        name: as timm calls it, for example ``pvt_v2_b2`` (the paper's) or ``resnet18``.
        imagenet: fetch ImageNet weights through timm.
        drop_path_rate: stochastic depth, rising linearly to this rate; 0 for networks that have none.

    Raises:
        UsageError: no such network, or its levels are not at strides 4, 8, 16, 32.
        WeightsError: ImageNet weights were asked for and cannot be had.
    """

    def __init__(self, name: str, *, imagenet: bool = False, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        self.network = _create(name, imagenet, drop_path_rate)
        info = self.network.feature_info
        strides = tuple(int(stride) for stride in info.reduction())
        if strides != STRIDES:
            raise UsageError(
                f"its last feature levels lie at strides {', '.join(map(str, strides))}, not 4, 8, 16, 32",
                where=f"backbone {name}",
                remedy="Choose a hierarchical network such as pvt_v2_b0, resnet18 or mobilenetv3_small_100",
            )
        self.channels: tuple[int, ...] = tuple(int(channels) for channels in info.channels())
        self.channels_last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(b, 3, H, W)``, H and W multiples of 32, to four ``(b, channels[i], H/s, W/s)``."""
        levels: list[Tensor] = list(self.network(image))
        return [level.permute(0, 3, 1, 2).contiguous() for level in levels] if self.channels_last else levels


def _create(name: str, imagenet: bool, drop_path_rate: float) -> Any:
    if not timm.is_model(name):
        near = timm.list_models(f"*{name.split('.')[0]}*")[:4]
        hint = f"Near it: {', '.join(near)}" if near else "timm.list_models() lists them all"
        raise UsageError("timm has no network of this name", where=f"backbone {name}", remedy=hint)
    options: dict[str, Any] = {"features_only": True, "out_indices": (-4, -3, -2, -1)}
    if drop_path_rate > 0:
        options["drop_path_rate"] = drop_path_rate
    if imagenet and not timm.models.is_model_pretrained(name):
        raise WeightsError("timm offers no ImageNet weights for it", where=f"backbone {name}", remedy=_SCRATCH)
    try:
        return timm.create_model(name, pretrained=imagenet, **options)
    except Exception as error:
        # Every hub client has its own way of saying "offline"; and not every network gives features.
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:160].rstrip(". ")
        if not imagenet:
            raise UsageError(
                f"cannot give four feature levels ({reason})", where=f"backbone {name}"
            ) from error
        raise WeightsError(
            f"ImageNet weights cannot be had ({reason})", where=f"backbone {name}", remedy=_SCRATCH
        ) from error


_SCRATCH = "Go on from scratch, or give a file with --backbone-weights"
