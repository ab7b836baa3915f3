"""Everything that turns an image into a mask."""

from __future__ import annotations

from flawscope.segment.base import (
    Prompts,
    Segmentation,
    Segmenter,
    binarize,
    otsu,
    predict,
    without_specks,
)
from flawscope.segment.description import Description, describe
from flawscope.segment.grabcut import GrabCutSegmenter
from flawscope.segment.loading import LoadedSegmenter, load
from flawscope.segment.opening import open_segmenter
from flawscope.segment.prompted import Prompted, PrototypeSegmenter
from flawscope.segment.regions import RegionSegmenter
from flawscope.segment.support import SupportModel
from flawscope.segment.symmetries import Symmetries
from flawscope.segment.tiled import Tiled

__all__ = [
    "Description",
    "GrabCutSegmenter",
    "LoadedSegmenter",
    "Prompted",
    "Prompts",
    "PrototypeSegmenter",
    "RegionSegmenter",
    "Segmentation",
    "Segmenter",
    "SupportModel",
    "Symmetries",
    "Tiled",
    "binarize",
    "describe",
    "load",
    "open_segmenter",
    "otsu",
    "predict",
    "without_specks",
]
