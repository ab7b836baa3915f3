"""Bringing the classes of an answerer and of a dataset together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flawscope.data.samples import SegmentationData
from flawscope.images import Probability


@dataclass(frozen=True, slots=True)
class Agreement:
    """How answers and truth are compared.

    Attributes:
        data: the dataset, its classes merged where they cannot be compared.
        order: which of the answerer's classes becomes class 1, 2 and so on; None merges them all.
        note: what was done, for the reader; empty when nothing was.
    """

    data: SegmentationData
    order: tuple[int, ...] | None
    note: str = ""

    def apply(self, probability: Probability) -> Probability:
        """Probabilities in the classes of ``data``."""
        if self.order is None:
            return np.asarray(np.minimum(probability.sum(axis=0, keepdims=True), np.float32(1.0)))
        return np.asarray(probability[list(self.order)])


def agree(labels: Sequence[str], data: SegmentationData) -> Agreement:
    """Class by class where both name the same classes (in any order), else "some defect" against the rest.

    Two sides with one class each are comparable whatever they call it.
    """
    answered, true = tuple(labels), data.labels
    if len(answered) == len(true) == 1:
        return Agreement(data, (0,))
    if len(set(answered)) == len(answered) and set(answered) == set(true):
        return Agreement(data, tuple(answered.index(label) for label in true))
    note = (
        f"classes are merged into one: the answers know {', '.join(answered)}, "
        f"the dataset {', '.join(true)}; only 'defect or not' can be compared"
    )
    return Agreement(data.binary(), None, note)
