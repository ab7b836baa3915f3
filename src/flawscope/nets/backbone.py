"""Any timm network with features at strides 4, 8, 16 and 32 as the feature extractor."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import huggingface_hub
import timm
from torch import Tensor, nn

from flawscope.errors import UsageError, WeightsError
from flawscope.nets.slim_resnets import SLIM_RESNETS

STRIDES = (4, 8, 16, 32)
REACH_SECONDS = 5.0
"""How long to wait for the model hub before calling it out of reach."""


class Backbone(nn.Module):
    """The last four feature levels of a timm network, and the one before them if wanted.

    Args:
        name: as timm calls it, for example ``pvt_v2_b2`` (the paper's) or ``resnet18``; or one of
            ``flawscope.nets.slim_resnets``.
        imagenet: start from ImageNet weights, from timm's cache or its hub.
        drop_path_rate: stochastic depth, rising linearly to this rate; networks that have none ignore it.
        fine: give the level at stride 2 as well, first.

    Raises:
        UsageError: no such network, its levels are not at strides (2,) 4, 8, 16, 32, or it takes one size only.
        WeightsError: ImageNet weights were asked for and cannot be had.
    """

    def __init__(
        self, name: str, *, imagenet: bool = False, drop_path_rate: float = 0.0, fine: bool = False
    ) -> None:
        super().__init__()
        wanted = (2, *STRIDES) if fine else STRIDES
        options: dict[str, Any] = {"features_only": True, "out_indices": tuple(range(-len(wanted), 0))}
        if name in SLIM_RESNETS:
            slim = SLIM_RESNETS[name]
            if imagenet:
                raise _unavailable(name, "there are none for it")
            name, options = slim.model, options | slim.options
        if not timm.is_model(name):
            near = timm.list_models(f"*{name.split('.')[0]}*")[:4]
            hint = f"Near it: {', '.join(near)}" if near else "timm.list_models() lists them all"
            raise UsageError("timm has no network of this name", where=f"backbone {name}", remedy=hint)
        if imagenet:
            options |= _imagenet(name)
        if drop_path_rate > 0:
            options["drop_path_rate"] = drop_path_rate
        settings = timm.get_pretrained_cfg(name)
        if settings is not None and settings.fixed_input_size:
            options["strict_img_size"] = False
        self.network = _create(name, options)
        info = self.network.feature_info
        strides = tuple(int(stride) for stride in info.reduction())
        if strides != wanted:
            raise UsageError(
                f"its last feature levels lie at strides {', '.join(map(str, strides))}, "
                f"not {', '.join(map(str, wanted))}",
                where=f"backbone {name}",
                remedy=_OTHERS,
            )
        self.channels: tuple[int, ...] = tuple(int(channels) for channels in info.channels())
        self.channels_last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"

    def forward(self, image: Tensor) -> list[Tensor]:
        """``(b, 3, H, W)``, H and W multiples of 32, to levels ``(b, channels[i], H/s, W/s)``, finest first."""
        levels: list[Tensor] = list(self.network(image))
        return [level.permute(0, 3, 1, 2).contiguous() for level in levels] if self.channels_last else levels


def _create(name: str, options: dict[str, Any]) -> Any:
    try:
        return timm.create_model(name, **options)
    except TypeError as error:
        # Networks without stochastic depth, and those bound to one size, do not know these two options.
        refused = next((key for key in ("drop_path_rate", "strict_img_size") if key in str(error)), None)
        if refused == "drop_path_rate" and refused in options:
            return _create(name, {key: value for key, value in options.items() if key != refused})
        reason = "it takes images of one size only" if refused else _first_line(error)
        raise UsageError(f"cannot be used ({reason})", where=f"backbone {name}", remedy=_OTHERS) from error
    except Exception as error:
        # Networks without feature levels, and every hub client, have their own ways of failing.
        if isinstance(error, IndexError) and len(options["out_indices"]) > len(STRIDES):
            raise UsageError(
                "it has no level at stride 2", where=f"backbone {name}", remedy="Build it with fine: false"
            ) from error
        if options.get("pretrained"):
            raise _unavailable(name, _first_line(error)) from error
        raise UsageError(
            f"cannot be used ({_first_line(error)})", where=f"backbone {name}", remedy=_OTHERS
        ) from error


def _imagenet(name: str) -> dict[str, Any]:
    """What timm needs to load ImageNet weights, from its cache without a network where they are there."""
    settings = timm.get_pretrained_cfg(name)
    if settings is None or not settings.has_weights:
        raise _unavailable(name, "timm offers none for it")
    if settings.hf_hub_id:
        cached = huggingface_hub.try_to_load_from_cache(settings.hf_hub_id, "model.safetensors")
        if isinstance(cached, str):
            return {"pretrained": True, "pretrained_cfg_overlay": {"file": cached}}
    if not hub_reachable():
        raise _unavailable(name, "they are not in the cache and the model hub cannot be reached")
    return {"pretrained": True}


def hub_reachable() -> bool:
    """Whether the model hub answers at all; the hub client itself would retry for most of a minute."""
    request = urllib.request.Request(huggingface_hub.constants.ENDPOINT, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=REACH_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _unavailable(name: str, reason: str) -> WeightsError:
    return WeightsError(
        f"ImageNet weights cannot be had ({reason})",
        where=f"backbone {name}",
        remedy="Go on from scratch, or give a file with --backbone-weights",
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:160].rstrip(". ")


_OTHERS = "Choose a hierarchical network such as pvt_v2_b0, resnet18 or mobilenetv3_small_100"
