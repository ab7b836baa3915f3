"""OCINet: backbone, adjustment, ordered interactions, defect reasoner.

Source: "Ordered Cross-Scale Interaction Network for No-Service Rail Surface Defect Segmentation", Fig. 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from flawscope.errors import UsageError
from flawscope.nets.backbone import Backbone
from flawscope.nets.layers import ConvBlock, initialise
from flawscope.nets.presets import OPTIONS, Preset, preset
from flawscope.nets.reasoner import DefectReasoner
from flawscope.nets.variants import build_stage, closes_local_stage, stage_of

MULTIPLE = 32


class OCINet(nn.Module):
    """Image to four maps of logits.

    Args:
        backbone: gives four levels of features, or five with one at stride 2, which then has the finest map.
        width: channels of each level after adjustment (c in the paper, 128).
        groups: groups of channels in CCIM (4 in the paper).
        modules: interaction modules in their order, names from ``flawscope.nets.variants.MODULES``.
        channels: logits a pixel: 1 for one class (sigmoid), K + 1 for K classes (softmax, background first).
        shared_first_head: see :class:`DefectReasoner`.
        dropout: likewise.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        width: int,
        groups: int,
        modules: Sequence[str],
        channels: int = 1,
        shared_first_head: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        stages = [stage_of(name) for name in modules]
        if repeated := [stage for stage in stages if stages.count(stage) > 1]:
            raise UsageError(
                f"the stage {repeated[0]!r} comes twice",
                where=f"modules {', '.join(modules)}",
                remedy="Choose one module for each of channel, spatial and pixel",
            )
        self.modules_in_order = tuple(modules)
        self.backbone = backbone
        *fine, _, _, _, _ = backbone.channels
        self.adjustment = nn.ModuleList(ConvBlock(inputs, width) for inputs in backbone.channels[-4:])
        self.interactions = nn.ModuleList(build_stage(name, width, groups) for name in modules)
        self.reasoner = DefectReasoner(
            width,
            channels,
            shared_first_head=shared_first_head,
            dropout=dropout,
            fine_inputs=fine[0] if fine else None,
        )
        for part in (self.adjustment, self.interactions, self.reasoner):
            initialise(part)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits S1 to S4, finest first, each ``(b, channels, H, W)``.

        Args:
            image: ``(b, 3, H, W)``, normalised; any H and W from 1 up. Sizes that are no multiples of 32 are
                padded on the right and below by reflection (by repetition where the image is smaller than
                the padding), and the logits cropped back.
        """
        height, width = image.shape[-2:]
        *fine, first, second, third, fourth = self.backbone(padded(image))
        basic = levels = self._adjusted((first, second, third, fourth))
        for position in range(len(self.interactions)):
            levels = self._interact(position, levels, basic)
        maps = self.reasoner(levels, *fine)
        one, two, three, four = (logits[..., :height, :width] for logits in maps)
        return one, two, three, four

    def features(self, image: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """The four levels after each stage, in order.

        Returns:
            ``"adjusted"`` (f_b), then one entry a module (``"channel"``, ``"spatial"``, ``"pixel"``; f_ci,
            f_cs, f_pi), each four ``(b, c, H'/s, W'/s)`` with H' and W' the padded size.
        """
        basic = levels = self._adjusted(self.backbone(padded(image))[-4:])
        after = {"adjusted": basic}
        for position, name in enumerate(self.modules_in_order):
            levels = after[stage_of(name)] = self._interact(position, levels, basic)
        return after

    def _adjusted(self, raw: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(adjust(level) for adjust, level in zip(self.adjustment, raw, strict=True))

    def _interact(
        self, position: int, levels: tuple[Tensor, ...], basic: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        levels = self.interactions[position](levels)
        if closes_local_stage(self.modules_in_order, position):
            return tuple(level + skip for level, skip in zip(levels, basic, strict=True))
        return levels


def build(name: str, *, channels: int = 1, imagenet: bool = False, **options: Any) -> OCINet:
    """A network from the preset table.

    Args:
        name: see ``flawscope models list``.
        channels: 1 for one class, K + 1 for K classes.
        imagenet: start the backbone from ImageNet weights fetched through timm.
        options: fields of the preset to replace: ``backbone``, ``width``, ``groups``, ``modules``,
            ``drop_path_rate``, ``shared_first_head``, ``dropout``, ``fine``.

    Raises:
        UsageError: an unknown name or option, or values that do not fit together.
        WeightsError: ImageNet weights were asked for and cannot be had.
    """
    settings = _with_options(preset(name), options)
    if not 0 <= settings.dropout < 1:
        raise UsageError(f"dropout is from 0 to below 1, not {settings.dropout}", where=f"model {name}")
    if settings.fine and settings.shared_first_head:
        raise UsageError(
            "a network with a fine level shares no head",
            where=f"model {name}",
            remedy="Choose one of the two",
        )
    if channels < 1:
        raise UsageError(f"a network needs at least one output channel, not {channels}")
    if settings.groups < 1 or settings.width < settings.groups or settings.width % settings.groups:
        raise UsageError(
            f"width {settings.width} cannot be cut into {settings.groups} equal groups",
            where=f"model {name}",
            remedy="Choose a width that is a multiple of groups",
        )
    backbone = Backbone(
        settings.backbone, imagenet=imagenet, drop_path_rate=settings.drop_path_rate, fine=settings.fine
    )
    return OCINet(
        backbone,
        width=settings.width,
        groups=settings.groups,
        modules=settings.modules,
        channels=channels,
        shared_first_head=settings.shared_first_head,
        dropout=settings.dropout,
    )


def _with_options(chosen: Preset, options: dict[str, Any]) -> Preset:
    for option in options:
        if option not in OPTIONS:
            near = difflib.get_close_matches(option, OPTIONS, 1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(OPTIONS)}"
            raise UsageError(
                f"a network has no option {option!r}", where=f"model {chosen.name}", remedy=remedy
            )
    wanted: dict[str, Any] = dict(options)
    if "modules" in wanted:
        wanted["modules"] = tuple(wanted["modules"])
    return replace(chosen, **wanted)


def padded(image: Tensor) -> Tensor:
    """Reflected (where too small for that, repeated) on the right and below up to multiples of 32."""
    height, width = image.shape[-2:]
    below, right = -height % MULTIPLE, -width % MULTIPLE
    if not below and not right:
        return image
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(image, (0, right, 0, below), mode=mode)
