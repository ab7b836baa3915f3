"""Weights that make up for rare classes."""

from __future__ import annotations

import numpy as np

from flawscope.data.samples import SegmentationData

_MOST = 10.0


def balanced_weights(data: SegmentationData) -> tuple[float, ...]:
    """Inverse pixel frequency of background and each class, scaled so that background weighs 1, at most 10.

    A class without a single pixel gets the largest weight given to another.
    """
    counts = np.zeros(len(data.labels) + 1, dtype=np.int64)
    for sample in data:
        _, mask = sample.read()
        counts += np.bincount(mask.ravel(), minlength=len(counts))[: len(counts)]
    ratios = np.where(counts > 0, counts[0] / np.maximum(counts, 1), 0.0)
    ratios = np.where(counts > 0, ratios, ratios.max())
    return tuple(float(value) for value in np.clip(ratios, 1.0, _MOST))
