"""All networks by name, in one literal table; needs no torch.

``parameters`` and ``multiply_adds`` (convolutions and linear layers, at the input size given) are recomputed
by the tests. ``paper_row`` is the name in Tables II and III of the OCINet paper, ``paper_parameters`` the
count printed there in millions.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from flawscope.errors import UsageError

LICENCE = "MIT (code); weights carry the terms of the data they were trained on"
OPTIONS = (
    "backbone", "width", "groups", "modules", "drop_path_rate", "shared_first_head", "dropout", "fine",
)  # fmt: skip
"""Fields that a caller may replace."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One network.

    Attributes:
        name: for ``--model`` and ``nets.build``.
        modules: interaction modules in their order.
        parameters: learnt values, with one output channel.
        multiply_adds: for one image of ``input_size``.
        summary: one line for people.
        source: where it is described.
        paper_row: its row in the paper, or None.
        paper_parameters: the count printed there, in millions.
        backbone: timm name.
        width: channels of each level after adjustment.
        groups: groups of channels in CCIM.
        drop_path_rate: stochastic depth of the backbone.
        shared_first_head: the head of level 2 also serves level 1, as in published weights.
        dropout: of the defect reasoner.
        fine: a fifth level at stride 2 gives the finest map, in the place of the coarsest.
        input_size: ``(height, width)`` it is meant for and measured at.
        licence: of the code and of weights.
    """

    name: str
    modules: tuple[str, ...]
    parameters: int
    multiply_adds: int
    summary: str
    source: str = "OCINet, Table III"
    paper_row: str | None = None
    paper_parameters: float | None = None
    backbone: str = "pvt_v2_b2"
    width: int = 128
    groups: int = 4
    drop_path_rate: float = 0.1
    shared_first_head: bool = False
    dropout: float = 0.5
    fine: bool = False
    input_size: tuple[int, int] = (352, 352)
    licence: str = LICENCE


_TABLE = (
    Preset(
        "ocinet", ("channel", "spatial", "pixel"), 29_952_278, 18_736_140_240,
        "the paper's network", "OCINet, section III",
        paper_row="Base+C.+S.+P. (Ours)", paper_parameters=29.952,
    ),
    Preset(
        "ocinet-tiny", ("channel", "spatial", "pixel"), 2_469_766, 1_117_198_720,
        "slim ResNet and a fine level, for CPUs and few images", "Flawscope",
        backbone="slim_resnet_tiny", width=40, groups=2, drop_path_rate=0.0, dropout=0.0, fine=True,
        input_size=(256, 256),
    ),
    Preset(
        "ocinet-nano", ("channel", "spatial", "pixel"), 959_534, 686_468_096,
        "as ocinet-tiny, for small devices", "Flawscope",
        backbone="slim_resnet_nano", width=32, groups=2, drop_path_rate=0.0, dropout=0.0, fine=True,
        input_size=(256, 256),
    ),
    Preset(
        "ocinet-pvt-b0", ("channel", "spatial", "pixel"), 4_689_462, 1_902_150_656,
        "PVT-v2-b0, half width", "Flawscope",
        backbone="pvt_v2_b0", width=64, input_size=(256, 256),
    ),
    Preset(
        "ocinet-lcnet", ("channel", "spatial", "pixel"), 957_878, 420_715_104,
        "PP-LCNet, fewest multiply-adds", "Flawscope",
        backbone="lcnet_075", width=28, groups=2, drop_path_rate=0.0, input_size=(256, 256),
    ),
    Preset(
        "ocinet-global-global-local", ("pixel", "channel", "spatial"), 29_952_278, 18_736_140_240,
        "order: pixel, channel, spatial", "OCINet, Table II",
        paper_row="Global-global-local", paper_parameters=29.952,
    ),
    Preset(
        "base", (), 27_856_580, 15_415_454_208,
        "no interactions",
        paper_row="Base", paper_parameters=27.857,
    ),
    Preset(
        "base-c", ("channel",), 28_176_580, 15_772_346_880,
        "channel interaction only",
        paper_row="Base+C.", paper_parameters=28.177,
    ),
    Preset(
        "base-s", ("spatial",), 28_152_592, 15_774_289_872,
        "spatial interaction only",
        paper_row="Base+S.", paper_parameters=28.153,
    ),
    Preset(
        "base-c-s", ("channel", "spatial"), 28_472_592, 16_131_182_544,
        "channel and spatial only",
        paper_row="Base+C.+S.", paper_parameters=28.473,
    ),
    Preset(
        "base-p", ("pixel",), 29_336_266, 18_020_411_904,
        "pixel interaction only",
        paper_row="Base+P.", paper_parameters=29.336,
    ),
    Preset(
        "base-vanilla-ca", ("vanilla-channel",), 28_176_580, 15_772_346_880,
        "plain channel attention, pairs",
        paper_row="Base+vanilla CA", paper_parameters=28.177,
    ),
    Preset(
        "base-vanilla-sa", ("vanilla-spatial",), 28_152_298, 15_773_293_800,
        "plain spatial attention, pairs",
        paper_row="Base+vanilla SA", paper_parameters=28.152,
    ),
    Preset(
        "base-swsam", ("swsam",), 28_154_380, 15_777_278_088,
        "attention of GeleNet, pairs",
        paper_row="Base+SWSAM", paper_parameters=28.154,
    ),
    Preset(
        "base-rscam", ("rscam",), 28_177_348, 15_852_959_232,
        "attention of CGRSeg, pairs",
        paper_row="Base+RSCAM", paper_parameters=28.176,
    ),
    Preset(
        "base-lskm", ("lskm",), 28_507_414, 16_965_998_544,
        "large kernels of LSKNet, pairs",
        paper_row="Base+LSKM", paper_parameters=28.507,
    ),
    Preset(
        "base-c-single", ("single-channel",), 27_864_772, 15_415_470_592,
        "channel attention, single levels",
        paper_row="Base+C. w/o CS", paper_parameters=27.865,
    ),
    Preset(
        "base-s-single", ("single-spatial",), 27_856_972, 15_416_462_138,
        "spatial attention, single levels",
        paper_row="Base+S. w/o CS", paper_parameters=27.857,
    ),
    Preset(
        "base-p-single", ("single-pixel",), 29_435_596, 19_459_680_768,
        "pixel attention, single levels",
        paper_row="Base+P. w/o CS", paper_parameters=29.436,
    ),
    Preset(
        "base-c-s-p-single", ("single-channel", "single-spatial", "single-pixel"), 29_444_180, 19_460_705_082,
        "all three, single levels",
        paper_row="Base+C.+S.+P. w/o CS", paper_parameters=29.444,
    ),
)  # fmt: skip

PRESETS: dict[str, Preset] = {row.name: row for row in _TABLE}


def preset(name: str) -> Preset:
    """The preset called ``name``; raises UsageError with the nearest names otherwise."""
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, 3, cutoff=0.4)
    remedy = f"Did you mean {' or '.join(near)}?" if near else "See: flawscope models list"
    raise UsageError(f"there is no model {name!r}", remedy=remedy)
