"""Image to network input and network output to probabilities: one place for training and prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.images import Image, Probability, resize, to_float
from flawscope.segment.header import Header
from flawscope.segment.temperature import tempered


def network_input(image: Image, header: Header) -> npt.NDArray[np.float32]:
    """``(3, height, width)`` ``float32``, resized to ``header.imgsz`` and normalised."""
    resized = resize(to_float(image), *header.imgsz)
    return normalise(resized, header)


def normalise(image: npt.NDArray[np.float32], header: Header) -> npt.NDArray[np.float32]:
    """``(h, w, 3)`` in 0 to 1 to ``(3, h, w)`` with mean and standard deviation of the header."""
    mean = np.array(header.mean, dtype=np.float32)
    scale = np.float32(1) / np.array(header.std, dtype=np.float32)
    return np.ascontiguousarray(((image - mean) * scale).transpose(2, 0, 1))


def probabilities(
    activated: npt.NDArray[np.float32], height: int, width: int, temperature: float = 1.0
) -> Probability:
    """Class probabilities at the original size.

    The temperature comes last, after the resize: so it moves no pixel across 0.5, and across any other threshold
    only as :func:`flawscope.segment.temperature.tempered_level` says.

    Args:
        activated: ``(1, h, w)`` after the sigmoid, or ``(K + 1, h, w)`` after the softmax, background first.
        height: rows of the original image.
        width: columns of the original image.
        temperature: the header's; 1 during training.

    Returns:
        ``(K, height, width)`` ``float32`` in 0 to 1.
    """
    maps = activated if len(activated) == 1 else activated[1:]
    resized = np.stack([resize(np.ascontiguousarray(plane), height, width) for plane in maps])
    return tempered(np.clip(resized, 0.0, 1.0), temperature)
