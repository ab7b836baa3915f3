"""Pictures as text inside the page."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy.typing as npt

from flawscope.images import Image, to_uint8

_SIDE, _QUALITY = 640, 88


def shrunk_size(shape: tuple[int, ...]) -> tuple[tuple[int, int], float]:
    """Width and height that fit the page, for an image of ``(height, width, ...)``, and their scale."""
    scale = min(1.0, _SIDE / max(shape[:2]))
    return (max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))), scale


def jpeg_uri(image: Image, size: tuple[int, int]) -> str:
    """The image in another size."""
    small = cv2.resize(to_uint8(image), size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return _uri(bgr, ".jpg", "image/jpeg", [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def png_uri(layer: npt.NDArray[Any]) -> str:
    """A layer with transparency, in OpenCV's channel order."""
    return _uri(layer, ".png", "image/png", [])


def _uri(picture: npt.NDArray[Any], suffix: str, kind: str, options: list[int]) -> str:
    done, encoded = cv2.imencode(suffix, picture, options)
    assert done, f"OpenCV cannot encode {suffix}"
    return f"data:{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
