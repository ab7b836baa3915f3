"""How well an answer agrees with where supports expect defects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flawscope.images import Probability


def likeness(probability: Probability, similarity: npt.NDArray[np.float32]) -> float:
    """The :func:`agreement` of the likeliest class at each pixel with a similarity map; an answer of no map is 0.

    Args:
        probability: ``(classes, h, w)``; what is not finite counts as 0.
        similarity: ``(h, w)`` in 0 to 1.
    """
    if not len(probability):
        return agreement(np.zeros_like(similarity), similarity)
    finite = np.nan_to_num(probability, posinf=0.0, neginf=0.0)
    return agreement(np.asarray(finite.max(axis=0), dtype=np.float32), similarity)


def agreement(probability: npt.NDArray[np.float32], similarity: npt.NDArray[np.float32]) -> float:
    """How well an answer and a similarity map agree where the map is more likely defect than not, 0 to 1.

    The soft Jaccard index ``sum(min) / sum(max)`` of the probability and ``max(0, 2 similarity - 1)``. 0 where both
    are 0 everywhere: nothing was found, and nothing speaks for it.
    """
    evidence = np.maximum(0, 2 * similarity - 1)
    union = float(np.maximum(probability, evidence).sum())
    return float(np.minimum(probability, evidence).sum()) / union if union > 0 else 0.0
