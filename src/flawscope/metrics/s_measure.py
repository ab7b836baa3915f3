"""The structure measure: D.-P. Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017.

Half of it judges foreground and background as objects (bright, even, and unlike each other), half compares the
four regions around the centroid of the truth by their structural similarity. Where the truth is
empty it is 1 minus the mean of the map, where it is full the mean: as in PySODMetrics.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Binary, Floats, as_binary, as_soft, same_shape

_EPS = float(np.spacing(1))


def s_measure(prediction: npt.ArrayLike, truth: npt.ArrayLike, *, alpha: float = 0.5) -> float:
    """S-measure of one soft map, 0 to 1.

    Args:
        prediction: ``(height, width)``, 0 to 1.
        truth: ``(height, width)``, non-zero on a defect.
        alpha: share of the object part.
    """
    soft, true = as_soft(prediction), as_binary(truth)
    same_shape(soft, true)
    area = int(np.count_nonzero(true))
    if area == 0:
        return 1.0 - float(soft.mean())
    if area == true.size:
        return float(soft.mean())
    return float(max(0.0, alpha * _objects(soft, true, area) + (1 - alpha) * _regions(soft, true)))


def _objects(soft: Floats, true: Binary, area: int) -> float:
    share = area / true.size
    return share * _evenness(soft[true]) + (1 - share) * _evenness(1.0 - soft[~true])


def _evenness(values: Floats) -> float:
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + spread + _EPS)


def _regions(soft: Floats, true: Binary) -> float:
    height, width = true.shape
    rows, columns = true.sum(axis=1), true.sum(axis=0)
    area = rows.sum()
    # the row and column of the centroid belong to the upper and left parts
    row = round(float(rows @ np.arange(height) / area)) + 1
    column = round(float(columns @ np.arange(width) / area)) + 1
    total = 0.0
    for part in (
        np.s_[:row, :column],
        np.s_[:row, column:],
        np.s_[row:, :column],
        np.s_[row:, column:],
    ):
        if soft[part].size:
            total += _similarity(soft[part], true[part]) * soft[part].size / soft.size
    return total


def _similarity(soft: Floats, true: Binary) -> float:
    """Structural similarity of one region, with the covariances as sums over its true pixels."""
    less_one = soft.size - 1 + _EPS
    mean_soft, mean_true = float(soft.mean()), np.count_nonzero(true) / true.size
    deviation = soft - mean_soft
    variance_soft = float(np.square(deviation).sum()) / less_one
    variance_true = true.size * mean_true * (1 - mean_true) / less_one
    # of a region that is all foreground or all background the covariance is 0, not a rounding error
    covariance = float(deviation[true].sum()) / less_one if 0 < mean_true < 1 else 0.0
    upper = 4 * mean_soft * mean_true * covariance
    lower = (mean_soft**2 + mean_true**2) * (variance_soft + variance_true)
    if upper != 0:
        return upper / (lower + _EPS)
    return 1.0 if lower == 0 else 0.0
