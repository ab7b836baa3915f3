"""Which modules a variant has, in which order, where they sit, and where the skip closes.

A module works either on the pairs of neighbouring levels (1,2), (2,3), (3,4), followed by fusion units on
levels 2 and 3, which receive two maps each; or on each level alone, without fusion.

**The skip.** The published network adds the basic features f_b back after the fusion units of its spatial
module (f_cs = f_si + f_b). Which of the ablation variants have this skip is not published and no parameter
count shows it. Here f_b closes the local stage: it is added after the *last* local module of the order
(channel, spatial, or a foreign attention in their place), and not at all in variants without one. In the
order pixel, channel, spatial it is likewise f_b, not the pixel module's output, that is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from flawscope.errors import UsageError
from flawscope.nets.channel_interaction import (
    CrossScaleChannelInteraction,
    SingleScaleChannelAttention,
    VanillaChannelAttention,
)
from flawscope.nets.foreign_attention import (
    LargeSelectiveKernel,
    OnConcatenation,
    OnEach,
    RectangularSelfCalibration,
    ShuffleWeightedSpatialAttention,
)
from flawscope.nets.layers import ConvBlock
from flawscope.nets.pixel_interaction import CrossScalePixelInteraction, SingleScalePixelAttention
from flawscope.nets.spatial_interaction import (
    CrossScaleSpatialInteraction,
    SingleScaleSpatialAttention,
    VanillaSpatialAttention,
)

Stage = Literal["channel", "spatial", "pixel", "attention"]


@dataclass(frozen=True, slots=True)
class Module:
    """One interaction module.

    Attributes:
        stage: what its features are called.
        local: part of the local stage, which the skip closes.
        paired: works on pairs of levels, with fusion units; otherwise on single levels.
        make: builds one instance from the width and the number of groups.
    """

    stage: Stage
    local: bool
    paired: bool
    make: Callable[[int, int], nn.Module]


MODULES: dict[str, Module] = {
    "channel": Module("channel", True, True, CrossScaleChannelInteraction),
    "spatial": Module("spatial", True, True, lambda width, groups: CrossScaleSpatialInteraction()),
    "pixel": Module("pixel", False, True, lambda width, groups: CrossScalePixelInteraction(width)),
    "vanilla-channel": Module("channel", True, True, lambda width, groups: VanillaChannelAttention(width)),
    "vanilla-spatial": Module("spatial", True, True, lambda width, groups: VanillaSpatialAttention()),
    "single-channel": Module("channel", True, False, lambda width, groups: SingleScaleChannelAttention(width)),
    "single-spatial": Module("spatial", True, False, lambda width, groups: SingleScaleSpatialAttention()),
    "single-pixel": Module("pixel", False, False, lambda width, groups: SingleScalePixelAttention(width)),
    "swsam": Module("attention", True, True, lambda width, groups: OnEach(ShuffleWeightedSpatialAttention)),
    "rscam": Module(
        "attention", True, True, lambda width, groups: OnConcatenation(RectangularSelfCalibration(2 * width))
    ),
    "lskm": Module(
        "attention", True, True, lambda width, groups: OnConcatenation(LargeSelectiveKernel(2 * width))
    ),
}


class Pairs(nn.Module):
    """A module on each pair of neighbouring levels, and a fusion unit where two results meet."""

    def __init__(self, make: Callable[[int, int], nn.Module], width: int, groups: int) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(make(width, groups) for _ in range(3))
        self.fuse_second = ConvBlock(width, width)
        self.fuse_third = ConvBlock(width, width)

    def forward(self, levels: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Four levels to four of the same shapes."""
        first, second, third, fourth = levels
        first, second_as_coarse = self.pairs[0](first, second)
        second_as_fine, third_as_coarse = self.pairs[1](second, third)
        third_as_fine, fourth = self.pairs[2](third, fourth)
        return (
            first,
            self.fuse_second(second_as_coarse + second_as_fine),
            self.fuse_third(third_as_coarse + third_as_fine),
            fourth,
        )


class Singles(nn.Module):
    """A module on each level alone."""

    def __init__(self, make: Callable[[int, int], nn.Module], width: int, groups: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(make(width, groups) for _ in range(4))

    def forward(self, levels: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Four levels to four of the same shapes."""
        return tuple(module(level) for module, level in zip(self.levels, levels, strict=True))


def build_stage(name: str, width: int, groups: int) -> nn.Module:
    """All instances of one module, from four levels to four levels."""
    module = _module(name)
    return (Pairs if module.paired else Singles)(module.make, width, groups)


def stage_of(name: str) -> Stage:
    """What the features after module ``name`` are called."""
    return _module(name).stage


def closes_local_stage(modules: Sequence[str], position: int) -> bool:
    """Whether f_b is added after the module at ``position``: it is the last local one."""
    local = [number for number, name in enumerate(modules) if _module(name).local]
    return bool(local) and position == local[-1]


def _module(name: str) -> Module:
    if name not in MODULES:
        raise UsageError(f"there is no interaction module {name!r}", remedy=f"There are: {', '.join(MODULES)}")
    return MODULES[name]
