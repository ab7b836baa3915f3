"""The enhanced-alignment measure: D.-P. Fan et al., IJCAI 2018.

A binary map and the truth, each less its mean, are compared pixel by pixel. Only four kinds of pixel
exist (true or not, answered or not), so four counts a threshold suffice, and all 256 thresholds are one formula.
Where the truth is empty (or full) the score is the share of pixels not answered (answered), as in the
authors' code and in PySODMetrics.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Floats, as_binary, as_soft
from flawscope.metrics.histogram import LevelCounts, adaptive_threshold, counts_above

_EPS = float(np.spacing(1))


def e_curve(counts: LevelCounts) -> Floats:
    """``(256,)`` E-measures, threshold 0 first."""
    return _e(counts.hits, counts.answered, counts.true, counts.pixels)


def e_adaptive(prediction: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """E-measure at twice the mean of the map."""
    soft, true = as_soft(prediction), as_binary(truth)
    hits, answered = counts_above(soft, true, adaptive_threshold(soft))
    return float(_e(np.array(hits), np.array(answered), int(np.count_nonzero(true)), true.size))


def _e(hits: npt.NDArray[np.int64], answered: npt.NDArray[np.int64], true: int, pixels: int) -> Floats:
    if true == 0:
        total = (pixels - answered).astype(np.float64)
    elif true == pixels:
        total = answered.astype(np.float64)
    else:
        mean_answer, mean_truth = answered / pixels, true / pixels
        yes_yes, yes_no, no_yes = hits, answered - hits, true - hits
        no_no = pixels - answered - no_yes
        total = (
            yes_yes * _alignment(1 - mean_answer, 1 - mean_truth)
            + yes_no * _alignment(1 - mean_answer, -mean_truth)
            + no_yes * _alignment(-mean_answer, 1 - mean_truth)
            + no_no * _alignment(-mean_answer, -mean_truth)
        )
    # the formula divides by one pixel less than there are; a single pixel has no such mean and stands for itself
    return np.asarray(total / max(pixels - 1, 1))


def _alignment(answer: Floats, truth: float) -> Floats:
    aligned = 2 * answer * truth / (answer**2 + truth**2 + _EPS)
    return np.asarray((aligned + 1) ** 2 / 4)
