"""Image to network input and network output to probabilities: one place for training and prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.images import Image, Probability, resize, to_float
from flawscope.segment.header import Header


def network_input(image: Image, header: Header) -> npt.NDArray[np.float32]:
    """``(3, height, width)`` ``float32``, resized to ``header.imgsz`` and normalised."""
    resized = resize(to_float(image), *header.imgsz)
    return normalise(resized, header)


def normalise(image: npt.NDArray[np.float32], header: Header) -> npt.NDArray[np.float32]:
    """``(h, w, 3)`` in 0 to 1 to ``(3, h, w)`` with mean and standard deviation of the header."""
    mean = np.array(header.mean, dtype=np.float32)
    scale = np.float32(1) / np.array(header.std, dtype=np.float32)
    return np.ascontiguousarray(((image - mean) * scale).transpose(2, 0, 1))


def probabilities(activated: npt.NDArray[np.float32], height: int, width: int) -> Probability:
    """Class probabilities at the original size.

    Args:
        activated: ``(1, h, w)`` after the sigmoid, or ``(K + 1, h, w)`` after the softmax, background first.
        height: rows of the original image.
        width: columns of the original image.

    Returns:
        ``(K, height, width)`` ``float32`` in 0 to 1.
    """
    maps = activated if len(activated) == 1 else activated[1:]
    resized = np.stack([resize(np.ascontiguousarray(plane), height, width) for plane in maps])
    return np.clip(resized, 0.0, 1.0)
