"""The mean absolute error of a soft map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import as_binary, as_soft, same_shape


def mae(prediction: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean over all pixels of the distance between the map and the mask (0 or 1); 0 is perfect."""
    soft, true = as_soft(prediction), as_binary(truth)
    same_shape(soft, true)
    return float(np.abs(soft - true).mean())
