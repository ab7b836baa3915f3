"""Classic filters and the bank that mixes them."""

from __future__ import annotations

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.bank import Filter, FilterBank, bank_from_json, blend
from flawscope.enhance.filters import FILTERS
from flawscope.enhance.planes import Plane, to_plane, with_plane
from flawscope.enhance.presets import PRESETS, bank
from flawscope.enhance.simplex import normalize, simplex

__all__ = [
    "FILTERS",
    "PRESETS",
    "Adjustable",
    "Filter",
    "FilterBank",
    "Plane",
    "bank",
    "bank_from_json",
    "blend",
    "normalize",
    "simplex",
    "to_plane",
    "with_plane",
]
