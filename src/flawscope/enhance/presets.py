"""Banks by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.bank import Filter, FilterBank
from flawscope.enhance.filters import FILTERS
from flawscope.enhance.limits import Limit, check
from flawscope.errors import UsageError

KERNEL_SIZE = 7
"""The size the paper found best among 3, 5, 7, 9 and 11."""

_KERNEL_LIMIT = {"kernel_size": Limit(3, 11, odd=True)}


@dataclass(frozen=True, slots=True)
class BankPreset:
    """A named bank.

    Attributes:
        filters: names, in order.
        parameters: where they differ from the filters' defaults, by filter.
        summary: one line.
    """

    filters: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, float]]
    summary: str


_SIX = ("identity", "wls", "bilateral", "unsharp", "guided", "clahe")

PRESETS: dict[str, BankPreset] = {
    "default": BankPreset(_SIX, {}, "the paper's six filters, windows of 7 pixels"),
    "all": BankPreset(
        (*_SIX, "gamma", "median", "gaussian", "equalize"), {}, "those, and what the paper tried beside them"
    ),
    "paper": BankPreset(
        _SIX,
        {
            "wls": {"lambda_": 0.125, "alpha": 1.2},
            # released for grey levels 0 to 255: 75 of 255; distances stay in pixels
            "bilateral": {"kernel_size": 15, "sigma_color": 75 / 255, "sigma_space": 75.0},
            "unsharp": {"kernel_size": 5, "amount": 1.5},
            # taken as He's eps for 0 to 1; for 0 to 255 it would be 1.5e-6 here, which changes nothing
            "guided": {"radius": 5, "eps": 0.1},
            "clahe": {"clip_limit": 1.0, "tiles": 5},
        },
        "the parameters of the authors' released code",
    ),
}


def bank(
    preset: str = "default",
    filters: Sequence[str] | None = None,
    kernel_size: int | None = None,
    adjustable: Sequence[Adjustable] = (),
) -> FilterBank:
    """A filter bank.

    Args:
        preset: ``"default"``, ``"all"`` or ``"paper"``.
        filters: other filters than the preset's, in this order; the preset still gives their parameters.
        kernel_size: odd, 3 to 11: the window of bilateral, unsharp, guided (radius ``kernel_size // 2``), median
            and Gaussian, in place of the preset's. CLAHE and WLS know no window.
        adjustable: parameters that may change from round to round.

    Raises:
        UsageError: an unknown preset or filter, a filter twice, none, or a kernel size out of range.
    """
    if preset not in PRESETS:
        raise UsageError(f"there is no bank '{preset}'", remedy=f"There are: {', '.join(PRESETS)}")
    if kernel_size is not None:
        check("bank", _KERNEL_LIMIT, kernel_size=kernel_size)
    chosen = PRESETS[preset]
    names = chosen.filters if filters is None else tuple(filters)
    return FilterBank(
        tuple(_filter(name, chosen.parameters.get(name, {}), kernel_size) for name in names),
        tuple(adjustable),
    )


def _filter(name: str, given: Mapping[str, float], kernel_size: int | None) -> Filter:
    if name not in FILTERS:
        raise UsageError(f"there is no filter '{name}'", remedy=f"There are: {', '.join(FILTERS)}")
    kind = FILTERS[name]
    parameters = {**kind.defaults, **given}
    if kernel_size is not None and kind.window is not None:
        parameters[kind.window] = kernel_size if kind.window == "kernel_size" else kernel_size // 2
    return Filter(name, tuple(parameters.items()))
