"""Flawscope: see, measure and judge surface defects.

Importing this package does nothing and never pulls torch; public names load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.data.samples import SegmentationData as SegmentationData
    from flawscope.data.samples import open_data as open_data
    from flawscope.errors import FlawscopeError as FlawscopeError
    from flawscope.images import read_image as read_image
    from flawscope.images import read_mask as read_mask
    from flawscope.results import Defect as Defect
    from flawscope.results import InspectionResult as InspectionResult
    from flawscope.segment import load as load

__version__ = "0.1.0"

_PUBLIC = {
    "Defect": "flawscope.results",
    "FlawscopeError": "flawscope.errors",
    "InspectionResult": "flawscope.results",
    "SegmentationData": "flawscope.data.samples",
    "load": "flawscope.segment",
    "open_data": "flawscope.data.samples",
    "read_image": "flawscope.images",
    "read_mask": "flawscope.images",
}

__all__ = [
    "Defect",
    "FlawscopeError",
    "InspectionResult",
    "SegmentationData",
    "load",
    "open_data",
    "read_image",
    "read_mask",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'flawscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
