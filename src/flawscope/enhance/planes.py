"""The plane that filters work on, and the way from an image to its plane and back."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.images import Image, to_float

Plane: TypeAlias = npt.NDArray[np.float32]
"""``(height, width)`` ``float32`` luminance, 0 black to 1 white."""


def to_plane(image: Image) -> Plane:
    """The luminance of an image.

    Args:
        image: in the convention of ``flawscope.images``: ``(h, w, 3)`` ``uint8``, ``uint16`` or ``float32``.

    Returns:
        ``(h, w)`` ``float32`` in 0 to 1; 16-bit steps survive. The grey of grey images exactly, else
        0.299 R + 0.587 G + 0.114 B (BT.601, on the stored values).
    """
    pixels = to_float(image)
    if _is_grey(pixels):
        return np.ascontiguousarray(pixels[:, :, 0])
    return clip(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def with_plane(image: Image, plane: Plane) -> Image:
    """The image with another luminance.

    A grey image becomes the plane. In a colour image every channel of a pixel moves by the difference between
    the new and the old luminance and is then clipped to 0 to 1, so hue differences stay and saturated pixels
    may end up darker or brighter than the plane.

    Args:
        image: ``(h, w, 3)``, as for :func:`to_plane`.
        plane: ``(h, w)``, the new luminance.

    Returns:
        ``(h, w, 3)`` ``float32`` in 0 to 1, whatever the type of ``image``: filtered values have no 8 bits.

    Raises:
        UsageError: the sizes differ.
    """
    if plane.shape != image.shape[:2]:
        raise UsageError(f"a plane of size {plane.shape} does not fit an image of size {image.shape[:2]}")
    pixels = to_float(image)
    if _is_grey(pixels):
        return np.repeat(plane[:, :, None], 3, axis=2)
    return clip(pixels + (plane - to_plane(image))[:, :, None])


def check_plane(plane: npt.NDArray[np.float32]) -> Plane:
    """The array as a contiguous plane.

    Raises:
        UsageError: not two-dimensional ``float32``, empty, or with values outside 0 to 1, NaN included.
    """
    if plane.ndim != 2 or plane.dtype != np.float32 or plane.size == 0:
        raise UsageError(
            f"filters work on (height, width) float32, not {plane.shape} {plane.dtype}",
            remedy="Make a plane with flawscope.enhance.to_plane",
        )
    if not (float(plane.min()) >= 0.0 and float(plane.max()) <= 1.0):  # NaN fails too
        raise UsageError(
            "the plane has values outside 0 to 1", remedy="Make a plane with flawscope.enhance.to_plane"
        )
    return np.ascontiguousarray(plane)


def clip(values: npt.NDArray[Any]) -> Plane:
    """Values cut to 0 to 1: overshoot of sharpening, and the last bit of rounding of the others."""
    cut: Plane = np.clip(values, 0, 1, dtype=np.float32)
    return cut


def _is_grey(pixels: npt.NDArray[np.float32]) -> bool:
    red = pixels[:, :, 0]
    return bool(np.array_equal(red, pixels[:, :, 1]) and np.array_equal(red, pixels[:, :, 2]))
