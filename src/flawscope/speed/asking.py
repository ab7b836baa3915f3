"""Asking a network, one image at a time or as many as keep all that it answers at once busy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flawscope.segment.loading import LoadedSegmenter

_FOR_EACH = 4
"""Images for each that is answered at once: waiting for the last of them then hardly counts."""


def asking(segmenter: LoadedSegmenter, images: int = 1) -> Callable[[], object]:
    """Runs the network on so many images of noise, always the same."""
    shape = (images, 3, *segmenter.header.imgsz)
    batch = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return lambda: segmenter.engine.run(batch)


def enough(segmenter: LoadedSegmenter) -> int:
    """How many images at a time show how many a network answers in a second."""
    return _FOR_EACH * segmenter.at_once
