"""Pure torch networks; this room knows no files but weights handed to it.

The preset table (``PRESETS``) and the names of library networks need no torch; everything else loads on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from flawscope.errors import MissingExtraError
from flawscope.nets.library_names import check_model, library_name
from flawscope.nets.presets import PRESETS, Preset, preset

if TYPE_CHECKING:
    from flawscope.nets.building import build as build
    from flawscope.nets.cost import multiply_adds as multiply_adds
    from flawscope.nets.cost import parameters as parameters
    from flawscope.nets.feature_maps import heat_maps as heat_maps
    from flawscope.nets.ocinet import OCINet as OCINet
    from flawscope.nets.published import load_backbone_weights as load_backbone_weights
    from flawscope.nets.published import load_published as load_published

_TORCH = {
    "OCINet": "flawscope.nets.ocinet",
    "build": "flawscope.nets.building",
    "heat_maps": "flawscope.nets.feature_maps",
    "load_backbone_weights": "flawscope.nets.published",
    "load_published": "flawscope.nets.published",
    "multiply_adds": "flawscope.nets.cost",
    "parameters": "flawscope.nets.cost",
}

__all__ = [
    "PRESETS",
    "OCINet",
    "Preset",
    "build",
    "check_model",
    "heat_maps",
    "library_name",
    "load_backbone_weights",
    "load_published",
    "multiply_adds",
    "parameters",
    "preset",
]


def __getattr__(name: str) -> Any:
    if name not in _TORCH:
        raise AttributeError(f"module 'flawscope.nets' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_TORCH[name]), name)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "timm"):
            raise MissingExtraError(error.name, "train") from error
        raise


def __dir__() -> list[str]:
    return list(__all__)
