"""Degradations that move pixels, in the image and in the mask alike."""

from __future__ import annotations

import cv2
import numpy as np

from flawscope.errors import ImageError
from flawscope.evaluate.robustness.tones import stored_as
from flawscope.images import Image, Mask, resize, to_float

_WARP_SIDE = 32_766
"""OpenCV counts columns and rows in 16 bits when it turns an image."""


def rotate(image: Image, mask: Mask, angle: float) -> tuple[Image, Mask]:
    """Turn about the centre, counter-clockwise by degrees, in the frame as it was.

    What leaves the frame is lost. What comes in at its corners is the image reflected at its edges, and the mask
    reflected likewise, so that a defect reflected there is a true one. The image is interpolated bilinearly, the mask
    takes the nearest pixel. A square turned by 90 degrees is :func:`numpy.rot90`.

    Raises:
        ImageError: larger than can be turned.
    """
    if angle % 360 == 0:
        return image, mask
    height, width = mask.shape
    if max(height, width) > _WARP_SIDE:
        raise ImageError(f"an image of more than {_WARP_SIDE:,} pixels a side cannot be turned")
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned = cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    turned_mask = cv2.warpAffine(
        mask, turn, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
    )
    return np.ascontiguousarray(turned), np.ascontiguousarray(turned_mask)


def scale(image: Image, mask: Mask, factor: float) -> tuple[Image, Mask]:
    """Resize by a factor, each side rounded to whole pixels.

    The image takes the one resize of ``flawscope.images``. When the mask shrinks, a pixel is a defect where at least
    half of the area it stands for is, of the class with the most area; so what is much thinner than a new pixel
    vanishes. When it grows it takes the nearest pixel.
    """
    height, width = (max(1, round(side * factor)) for side in mask.shape)
    if (height, width) == mask.shape:
        return image, mask
    resized = stored_as(resize(to_float(image), height, width), image)
    if factor > 1:
        larger = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return resized, np.ascontiguousarray(larger)
    classes = [int(number) for number in np.unique(mask) if number]
    smaller = np.zeros((height, width), dtype=np.uint8)
    if classes:
        areas = np.stack(
            [
                cv2.resize((mask == number).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
                for number in classes
            ]
        )
        inside = areas.sum(axis=0) >= 0.5 - 1e-6
        smaller[inside] = np.array(classes, dtype=np.uint8)[areas.argmax(axis=0)][inside]
    return resized, smaller
