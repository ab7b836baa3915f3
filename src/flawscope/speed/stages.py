"""Where the time of one image goes, from the file to the written mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flawscope.images import read_image, write_image
from flawscope.results import find_defects
from flawscope.segment.base import binarize
from flawscope.segment.loading import LoadedSegmenter
from flawscope.segment.preprocess import network_input, probabilities
from flawscope.speed.alternating import Timing, alternate

STAGES = ("read", "input", "network", "output", "defects", "write")
"""Decode the file; resize and normalise; run the network; resize back; mask and list of defects; write the mask."""


def stage_times(segmenter: LoadedSegmenter, file: Path, scratch: Path, repeats: int) -> dict[str, Timing]:
    """Time of each of :data:`STAGES` for one image, one after another as ``predict`` does without overlapping them.

    Args:
        segmenter: from ``flawscope.segment.load``.
        file: the image.
        scratch: a folder to write the mask into.
        repeats: how often.

    Raises:
        ImageError: the file cannot be read.
    """
    header, engine = segmenter.header, segmenter.engine
    image = read_image(file)
    height, width = image.shape[:2]
    batch = network_input(image, header)[None]
    maps = engine.run(batch)[0]
    probability = probabilities(maps, height, width, header.temperature)
    mask = binarize(probability, segmenter.threshold)
    actions: dict[str, Callable[[], object]] = {
        "read": lambda: read_image(file),
        "input": lambda: network_input(image, header),
        "network": lambda: engine.run(batch),
        "output": lambda: probabilities(maps, height, width, header.temperature),
        "defects": lambda: find_defects(
            binarize(probability, segmenter.threshold), segmenter.labels, probability
        ),
        "write": lambda: write_image(scratch / "mask.png", mask * np.uint8(255)),
    }
    return alternate(actions, repeats)
