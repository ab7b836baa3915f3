"""The pictures that training scenes are made of: drawn surfaces, and the training images of one material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data.samples import SegmentationData
from flawscope.data.synthetic import draw
from flawscope.images import to_uint8
from flawscope.outputs import atomic

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """One grey picture ``(h, w)`` ``uint8`` and its class numbers ``(h, w)`` ``uint8``, 0 for the sound surface."""

    grey: Grey
    mask: npt.NDArray[np.uint8]


def drawn(count: int, seed: int, size: int, cache: Path | None = None) -> list[Picture]:
    """``count`` drawn surfaces of ``size`` pixels a side; the same for the same numbers.

    Args:
        count: how many.
        seed: picture number i is drawn from ``(seed, i)``.
        size: height and width.
        cache: a ``.npy`` file that keeps them, made if missing: drawing one takes some thirty milliseconds.
    """
    if cache is not None and cache.is_file():
        stored = np.load(cache, mmap_mode="r", allow_pickle=False)
        if stored.shape == (count, 2, size, size):
            return [Picture(pair[0], pair[1]) for pair in stored]
    pairs = np.zeros((count, 2, size, size), np.uint8)
    for index in range(count):
        image, mask, _ = draw((seed, index), size, size, clean_probability=0.05)
        pairs[index] = _grey(image), mask
    if cache is not None:
        with atomic(cache) as temporary, temporary.open("wb") as file:
            np.save(file, pairs)
    return [Picture(pair[0], pair[1]) for pair in pairs]


def photographed(data: SegmentationData, longest: int = 512) -> list[Picture]:
    """The labelled samples of a dataset, shrunk where their longer side exceeds ``longest`` pixels."""
    return [_shrunk(*sample.read(), longest) for sample in data.labelled()]


def defective(pictures: Sequence[Picture]) -> list[Picture]:
    """Those with at least one defect pixel."""
    return [picture for picture in pictures if picture.mask.any()]


def _shrunk(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], longest: int) -> Picture:
    grey = _grey(to_uint8(image))
    ratio = longest / max(grey.shape)
    if ratio < 1:
        size = (max(1, round(grey.shape[1] * ratio)), max(1, round(grey.shape[0] * ratio)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return Picture(grey, np.ascontiguousarray(mask))


def _grey(image: npt.NDArray[np.uint8]) -> Grey:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
