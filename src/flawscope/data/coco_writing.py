"""Writing COCO: each connected region of a mask as an annotation with exact run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from flawscope.data.rle import encode
from flawscope.images import Mask


def categories(labels: Sequence[str]) -> list[dict[str, Any]]:
    """COCO categories 1 to K."""
    return [
        {"id": number, "name": label, "supercategory": "surface"}
        for number, label in enumerate(labels, start=1)
    ]


def annotate(mask: Mask, labels: Sequence[str], *, image_id: int, first_id: int) -> list[dict[str, Any]]:
    """Annotations of one mask, one for each 8-connected region of a class.

    Args:
        mask: class numbers, ``(height, width)``.
        labels: names of classes 1 to K.
        image_id: of the image.
        first_id: of the first annotation; the others follow.

    Returns:
        Annotations whose ``segmentation`` is compressed run lengths: decoded and laid over each other they give
        the mask back, pixel for pixel.
    """
    found: list[dict[str, Any]] = []
    for number in range(1, len(labels) + 1):
        region = (mask == number).astype(np.uint8)
        count, numbered, stats, _ = cv2.connectedComponentsWithStats(region, connectivity=8)
        for index in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[index])
            found.append(
                {
                    "id": first_id + len(found),
                    "image_id": image_id,
                    "category_id": number,
                    "segmentation": encode(numbered == index),
                    "area": area,
                    "bbox": [x, y, width, height],
                    "iscrowd": 0,
                }
            )
    return found
