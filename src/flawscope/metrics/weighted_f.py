"""The weighted F-measure: R. Margolin, L. Zelnik-Manor, A. Tal, "How to evaluate foreground maps?", CVPR 2014.

Errors inside a defect are forgiven where their neighbourhood is right (a 7x7 Gaussian of sigma 5), and errors
outside count up to twice the further they lie from the defect.

Three observations make it fast without changing a digit that matters. The Gaussian is separable. Its result is
used inside the defect only, so the error must be known no further than three pixels outside. There it has
the error of the nearest defect pixel; an exact distance transform tells the squared distance, which leaves four
or eight places to look. Among equally near ones the leftmost is taken, then the topmost: that is also the choice
of ``scipy.ndimage.distance_transform_edt``, on which the widespread implementations rest.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Binary, Floats, as_binary, as_soft, distance_to, same_shape

_REACH = 3  # half of the Gaussian's 7 pixels
_PAD = 4  # whole pixels to the nearest defect pixel from the corner of that reach: sqrt(18) < 5
_FAR = 68_000  # beyond the root of it, 260 pixels, the weight is 2 to the last bit
_EPS = float(np.spacing(1))


def _gaussian() -> Floats:
    steps = np.arange(-_REACH, _REACH + 1, dtype=np.float64)
    kernel = np.exp(-(steps**2) / (2 * 5.0**2))
    return np.asarray(kernel / kernel.sum())


def _places() -> dict[int, tuple[Any, Any]]:
    """Rows and columns of the pixels at each squared distance, leftmost first, then topmost."""
    span = range(-_PAD, _PAD + 1)
    places: dict[int, list[tuple[int, int]]] = {}
    for column in span:
        for row in span:
            if 0 < row * row + column * column <= 2 * _REACH**2:
                places.setdefault(row * row + column * column, []).append((row, column))
    return {square: (np.array(found)[:, 0], np.array(found)[:, 1]) for square, found in places.items()}


def _weights() -> Floats:
    """Weight of an error outside at each squared distance: from 1 towards 2, half of the way after 5 pixels."""
    weights = 2.0 - 0.5 ** (np.sqrt(np.arange(_FAR + 1)) / 5)
    weights[0] = 0.0  # that is inside
    return np.asarray(weights)


_KERNEL = _gaussian()
_WEIGHTS = _weights()
_PLACES = _places()


def weighted_f(prediction: npt.ArrayLike, truth: npt.ArrayLike, *, beta2: float = 1.0) -> float:
    """Weighted F-measure of one soft map, 0 to 1.

    Args:
        prediction: ``(height, width)``, 0 to 1.
        truth: ``(height, width)``, non-zero on a defect.
        beta2: weight of recall against precision; the paper and its users take 1.

    Returns:
        The figure. Where the truth is empty the formula divides by zero: then 1 if nothing is predicted (no pixel
        exceeds 0.5), else 0. PySODMetrics gives 0 there in any case; elsewhere both agree.
    """
    soft, true = as_soft(prediction), as_binary(truth)
    same_shape(soft, true)
    area = int(np.count_nonzero(true))
    if area == 0:
        return float(not (soft > 0.5).any())
    squares = _squared_distance(true)
    inside_error = _forgiven_error(soft, true, squares)
    false_alarms = float((_WEIGHTS.take(squares) * soft).sum())  # BLAS would start threads for this
    hits = area - inside_error
    recall = 1.0 - inside_error / area
    precision = hits / (hits + false_alarms + _EPS)
    return float((1 + beta2) * recall * precision / (recall + beta2 * precision + _EPS))


def _squared_distance(true: Binary) -> npt.NDArray[np.int32]:
    """Squared distance to the nearest defect pixel, at most ``_FAR``.

    Whole numbers, so that the last bits of the 32-bit square root, which depend on where an array happens to lie in
    memory, have no part in the figure.
    """
    distance = distance_to(true)
    squares = cv2.multiply(distance, distance)
    return np.asarray(np.minimum(squares + np.float32(0.5), np.float32(_FAR)).astype(np.int32))


def _forgiven_error(soft: Floats, true: Binary, squares: npt.NDArray[np.int32]) -> float:
    """The summed error inside the defects."""
    rows = np.flatnonzero(true.any(axis=1))
    columns = np.flatnonzero(true.any(axis=0))
    window = (
        slice(max(0, rows[0] - _REACH), rows[-1] + _REACH + 1),
        slice(max(0, columns[0] - _REACH), columns[-1] + _REACH + 1),
    )
    inside = true[window]
    error = np.where(inside, 1.0 - soft[window], 0.0)
    spread = _spread_outwards(error, inside, squares[window])
    blurred = cv2.sepFilter2D(spread, cv2.CV_64F, _KERNEL, _KERNEL, borderType=cv2.BORDER_CONSTANT)
    return float(np.minimum(blurred, error)[inside].sum())


def _spread_outwards(error: Floats, inside: Binary, squares: npt.NDArray[np.int32]) -> Floats:
    """The error with, at each pixel within reach of a defect, that of the defect pixel nearest to it."""
    height, width = error.shape
    stride = width + 2 * _PAD
    core = np.s_[_PAD : _PAD + height, _PAD : _PAD + width]
    padded = np.zeros((height + 2 * _PAD, stride))
    padded[core] = error
    defect = np.zeros(padded.shape, dtype=bool)
    defect[core] = inside
    squared = np.zeros(padded.shape, dtype=np.uint8)
    squared[core] = np.minimum(squares, 255)
    ring = np.flatnonzero((squared - np.uint8(1)) < 2 * _REACH**2)  # 0, inside, wraps round to 255
    levels = squared.ravel()[ring]
    ring = ring[np.argsort(levels, kind="stable")]
    ends = np.bincount(levels, minlength=256).cumsum()
    values, known = padded.ravel(), defect.ravel()
    for square, (rows, columns) in _PLACES.items():
        here = ring[ends[square - 1] : ends[square]]
        if here.size:
            steps = rows * stride + columns
            nearest = known[here + steps[:, None]].argmax(axis=0)
            values[here] = values[here + steps[nearest]]
    return padded[core]
