"""The F-measure of saliency benchmarks: R. Achanta et al., "Frequency-tuned salient region detection", CVPR 2009.

Precision weighs more than recall (beta squared 0.3). The curve has one value for each threshold 0 to 255; over a
dataset the curves are averaged, then ``max`` and ``mean`` are taken of the mean curve.

Where the truth is empty a threshold scores 1 if it answers nothing and 0 otherwise; PySODMetrics gives 0 in any
case. Elsewhere both agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Floats, as_binary, as_soft
from flawscope.metrics.histogram import LevelCounts, adaptive_threshold, counts_above

BETA2 = 0.3


def f_curve(counts: LevelCounts, *, beta2: float = BETA2) -> Floats:
    """``(256,)`` F-measures, threshold 0 first."""
    return _f(counts.hits, counts.answered, counts.true, beta2)


def f_adaptive(prediction: npt.ArrayLike, truth: npt.ArrayLike, *, beta2: float = BETA2) -> float:
    """F-measure at twice the mean of the map."""
    soft, true = as_soft(prediction), as_binary(truth)
    hits, answered = counts_above(soft, true, adaptive_threshold(soft))
    return float(_f(np.array(hits), np.array(answered), int(np.count_nonzero(true)), beta2))


def _f(hits: npt.NDArray[np.int64], answered: npt.NDArray[np.int64], true: int, beta2: float) -> Floats:
    if true == 0:
        return np.where(answered == 0, 1.0, 0.0)
    # (1 + b) P R / (b P + R) with P = hits / answered and R = hits / true
    return (1 + beta2) * hits / (beta2 * true + answered)
