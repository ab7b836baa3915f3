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
from flawscope.segment.loading import LoadedSegmenter, load

__all__ = [
    "LoadedSegmenter",
    "Prompts",
    "Segmentation",
    "Segmenter",
    "binarize",
    "load",
    "otsu",
    "predict",
    "without_specks",
]
