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
from typing import Literal, NamedTuple

from torch import Tensor, nn

from flawscope.errors import UsageError
from flawscope.nets.channel_interaction import (
    CrossScaleChannelInteraction,
    SingleScaleChannelAttention,
    VanillaChannelAttention,
)
from flawscope.nets.foreign_attention import (
    SHUFFLE_PARTS,
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


class Sizes(NamedTuple):
    """What modules are built from: channels of each level, groups of channels in CCIM."""

    width: int
    groups: int


@dataclass(frozen=True, slots=True)
class Module:
    """One interaction module.

    Attributes:
        stage: what its features are called.
        make: builds one instance.
        local: part of the local stage, which the skip closes.
        paired: works on pairs of levels, with fusion units; otherwise on single levels.
    """

    stage: Stage
    make: Callable[[Sizes], nn.Module]
    local: bool = True
    paired: bool = True


MODULES: dict[str, Module] = {
    "channel": Module("channel", lambda sizes: CrossScaleChannelInteraction(*sizes)),
    "spatial": Module("spatial", lambda _: CrossScaleSpatialInteraction()),
    "pixel": Module("pixel", lambda sizes: CrossScalePixelInteraction(sizes.width), local=False),
    "vanilla-channel": Module("channel", lambda sizes: VanillaChannelAttention(sizes.width)),
    "vanilla-spatial": Module("spatial", lambda _: VanillaSpatialAttention()),
    "swsam": Module("attention", lambda sizes: _swsam(sizes.width)),
    "rscam": Module("attention", lambda sizes: OnConcatenation(RectangularSelfCalibration(2 * sizes.width))),
    "lskm": Module("attention", lambda sizes: OnConcatenation(LargeSelectiveKernel(2 * sizes.width))),
    "single-channel": Module("channel", lambda sizes: SingleScaleChannelAttention(sizes.width), paired=False),
    "single-spatial": Module("spatial", lambda _: SingleScaleSpatialAttention(), paired=False),
    "single-pixel": Module(
        "pixel", lambda sizes: SingleScalePixelAttention(sizes.width), local=False, paired=False
    ),
}


def _swsam(width: int) -> nn.Module:
    if width % SHUFFLE_PARTS:
        raise UsageError(
            f"width {width} cannot be shuffled into {SHUFFLE_PARTS} parts",
            where="module swsam",
            remedy=f"Choose a width that is a multiple of {SHUFFLE_PARTS}",
        )
    return OnEach(ShuffleWeightedSpatialAttention)


class Pairs(nn.Module):
    """A module on each pair of neighbouring levels, and a fusion unit where two results meet."""

    def __init__(self, make: Callable[[Sizes], nn.Module], sizes: Sizes) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(make(sizes) for _ in range(3))
        self.fuse_second = ConvBlock(sizes.width, sizes.width)
        self.fuse_third = ConvBlock(sizes.width, sizes.width)

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

    def __init__(self, make: Callable[[Sizes], nn.Module], sizes: Sizes) -> None:
        super().__init__()
        self.levels = nn.ModuleList(make(sizes) for _ in range(4))

    def forward(self, levels: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Four levels to four of the same shapes."""
        return tuple(module(level) for module, level in zip(self.levels, levels, strict=True))


def build_stage(name: str, width: int, groups: int) -> nn.Module:
    """All instances of one module, from four levels to four levels."""
    module = _module(name)
    return (Pairs if module.paired else Singles)(module.make, Sizes(width, groups))


def stage_of(name: str) -> Stage:
    """What the features after module ``name`` are called."""
    return _module(name).stage


def closes_local_stage(modules: Sequence[str], position: int) -> bool:
    """Whether f_b is added after the module at ``position``: it is the last local one."""
    local = [number for number, name in enumerate(modules) if _module(name).local]
    return bool(local) and position == local[-1]


def _module(name: str) -> Module:
    if name not in MODULES:
        raise UsageError(
            f"there is no interaction module {name!r}", remedy=f"There are: {', '.join(MODULES)}"
        )
    return MODULES[name]
