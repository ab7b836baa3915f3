"""What an image looks like, for finding its copies: local detail with lighting and contrast taken out.

Two images of one surface under one lamp agree in their shading, and two images of one material in their
texture's statistics; neither makes them copies. What only a copy shares is *where* the small structures are. So
an image is shrunk, its low frequencies are removed, and every neighbourhood is brought to the same contrast
(local contrast normalisation, after Jarrett et al., "What is the best multi-stage architecture for object
recognition?", ICCV 2009). Plain correlation of such maps is near 0 for different images of one texture and near 1
for copies, recompressed, resized, brightened or darkened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.images import Image, to_float

COARSE, FINE = 32, 128
"""Side in pixels of the map that finds candidates and of the one that confirms them."""

SYMMETRIES = (
    "none",
    "rotate 90",
    "rotate 180",
    "rotate 270",
    "flip left-right",
    "transpose",
    "flip top-bottom",
    "transpose and rotate 180",
)
"""The eight symmetries of the square, in the order of :func:`turned`; rotations go counter-clockwise."""

PLAIN = 0.5
"""Detail, in grey levels of 255, below which an image is too plain to be told from another."""

SMALLEST = 16
"""Shorter side in pixels below which an image is too small to be told from another."""

_SCALE = 32.0  # int8 steps of one local standard deviation: covers +-4 of them
_NEIGHBOURHOOD = {COARSE: 2.0, FINE: 3.0}
_FLOOR = 2 / 255  # contrast below two grey levels is mostly noise and is not raised to full


@dataclass(frozen=True, slots=True)
class Likeness:
    """An image as the search for copies sees it.

    Attributes:
        coarse: ``(COARSE, COARSE)`` ``float32``, mean 0 and norm 1.
        fine: ``(FINE, FINE)`` ``int8``, local detail in steps of 1/32 local standard deviation.
        detail: standard deviation of the detail at ``FINE`` pixels, in grey levels of 255.
        comparable: whether it has enough pixels and detail to be told from other images.
        constant: whether all its pixels are equal.
        pixels: digest of the pixels in order.
        values: digest of how often each value occurs, equal for all eight symmetries.
    """

    coarse: npt.NDArray[np.float32]
    fine: npt.NDArray[np.int8]
    detail: float
    comparable: bool
    constant: bool
    pixels: bytes
    values: bytes


def likeness(image: Image) -> Likeness:
    """Describe an image (in the convention of ``flawscope.images``)."""
    grey = _shrunk(image, FINE)
    fine, detail = _local_detail(grey, FINE)
    coarse, _ = _local_detail(_shrunk(image, COARSE), COARSE)
    coarse = coarse - coarse.mean()
    norm = float(np.linalg.norm(coarse))
    return Likeness(
        coarse=coarse / max(norm, 1e-6),
        fine=np.rint(np.clip(fine * _SCALE, -127, 127)).astype(np.int8),
        detail=detail * 255,
        comparable=detail * 255 >= PLAIN and min(image.shape[:2]) >= SMALLEST,
        constant=bool(image.min() == image.max()),
        pixels=_digest(np.array(image.shape), image),
        values=_digest(np.array(sorted(image.shape)), _histogram(image)),
    )


def turned(maps: npt.NDArray[Any], symmetry: int) -> npt.NDArray[Any]:
    """Apply one of the :data:`SYMMETRIES` to the last two axes."""
    if symmetry >= 4:
        maps = maps[..., ::-1]
    return np.rot90(maps, symmetry % 4, axes=(-2, -1))


def _shrunk(image: Image, side: int) -> npt.NDArray[np.float32]:
    # Shrinking before converting keeps a 100-megapixel scan from being copied as floats.
    small = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.cvtColor(to_float(small), cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _local_detail(grey: npt.NDArray[np.float32], side: int) -> tuple[npt.NDArray[np.float32], float]:
    sigma = _NEIGHBOURHOOD[side]
    high = grey - cv2.GaussianBlur(grey, (0, 0), sigma)
    local = np.sqrt(cv2.GaussianBlur(high * high, (0, 0), sigma))
    return np.asarray(high / (local + _FLOOR), dtype=np.float32), float(high.std())


def _histogram(image: Image) -> npt.NDArray[Any]:
    if image.dtype.kind == "f":
        return np.sort(image[:, :, 0], axis=None)
    levels = int(np.iinfo(image.dtype).max) + 1
    return np.stack([np.bincount(image[:, :, channel].ravel(), minlength=levels) for channel in range(3)])


def _digest(*arrays: npt.NDArray[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(str(array.dtype).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
