"""Degradations of what a camera sees and stores; the mask stays as it is.

Every function takes an image in the convention of ``flawscope.images``, 8 bits, 16 bits or floats, and returns one of
the same type and shape. Where it has nothing to do the very same array comes back.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import ImageError
from flawscope.images import Image, to_float

_JPEG_SIDE = 65_500


def salt_and_pepper(image: Image, share: float, rng: np.random.Generator) -> Image:
    """Dead and hot pixels: ``share`` of all pixels, half of them black (rounded down) and the others white.

    Args:
        image: the image.
        share: 0 to 1; share x pixels, rounded, are chosen without replacement.
        rng: which ones.
    """
    count = round(share * image.shape[0] * image.shape[1])
    if count == 0:
        return image
    chosen = rng.permutation(image.shape[0] * image.shape[1])[:count]
    noisy = image.copy().reshape(-1, image.shape[2])
    noisy[chosen[: count // 2]] = 0
    noisy[chosen[count // 2 :]] = _white(image)
    return noisy.reshape(image.shape)


def blur(image: Image, sigma: float) -> Image:
    """Gaussian blur, ``sigma`` in pixels, the border reflected."""
    if sigma == 0:
        return image
    blurred = cv2.GaussianBlur(to_float(image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return stored_as(np.asarray(blurred, dtype=np.float32), image)


def gain_and_offset(image: Image, gain: float = 1.0, offset: float = 0.0) -> Image:
    """``gain`` times the value plus ``offset`` times white, cut off at black and white."""
    if gain == 1 and offset == 0:
        return image
    return stored_as(to_float(image) * np.float32(gain) + np.float32(offset), image)


def illumination(image: Image, strength: float, direction: float) -> Image:
    """Light that grows along a direction, from 1 - ``strength`` in one corner to 1 + ``strength`` in the other.

    Args:
        image: the image.
        strength: 0 to 1.
        direction: where it grows to, in degrees; 0 to the right, 90 downwards.
    """
    if strength == 0:
        return image
    height, width = image.shape[:2]
    angle = np.deg2rad(direction)
    across = (np.arange(width, dtype=np.float32) - (width - 1) / 2) * np.cos(angle)
    down = (np.arange(height, dtype=np.float32) - (height - 1) / 2) * np.sin(angle)
    reach = max(float(across.max() + down.max()), np.finfo(np.float32).tiny)
    light = 1 + strength * (across[None, :] + down[:, None]) / reach
    return stored_as(to_float(image) * light.astype(np.float32)[:, :, None], image)


def jpeg(image: Image, quality: int) -> Image:
    """Stored as JPEG and read again; grey as one channel. JPEG has 8 bits, so deeper images lose their low bits too.

    Raises:
        ImageError: larger than a JPEG can be.
    """
    if max(image.shape[:2]) > _JPEG_SIDE:
        raise ImageError(f"a JPEG has at most {_JPEG_SIDE:,} pixels a side")
    eight = np.rint(to_float(image) * 255).astype(np.uint8)
    grey = bool((eight == eight[:, :, :1]).all())
    given = eight[:, :, 0] if grey else cv2.cvtColor(eight, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", given, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    read = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.float32)[:, :, ::-1]
    return stored_as(read / np.float32(255), image)


def stored_as(values: npt.NDArray[np.float32], like: Image) -> Image:
    """Values of 0 to 1, cut off there and rounded to the type of another image."""
    cut = np.clip(values, 0, 1)
    if like.dtype.kind == "f":
        return np.ascontiguousarray(cut, dtype=np.float32)
    return np.ascontiguousarray(np.rint(cut * _white(like)).astype(like.dtype))


def _white(image: Image) -> float:
    return float(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else 1.0
