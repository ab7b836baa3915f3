"""Two prototypes in whitened feature space: linear discriminant analysis of defect against background.

Fisher's discriminant (1936) with equal priors and a shrunk covariance (Friedman, "Regularized Discriminant Analysis",
1989): a pixel's logit is half the difference of its squared distances to the two class means, after the features are
whitened by the covariance within the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHRINKAGE = 0.02


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, sum and sum of outer products of some pixels' features; those of two sets add up."""

    count: int
    total: npt.NDArray[np.float64]
    outer: npt.NDArray[np.float64]

    @classmethod
    def of(cls, features: npt.NDArray[np.float32]) -> Moments:
        """Of ``(n, F)`` features."""
        exact = features.astype(np.float64)
        return cls(len(exact), exact.sum(axis=0), exact.T @ exact)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """``(F,)``."""
        return self.total / self.count

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """``(F, F)`` about the mean; 0 for a single pixel."""
        return (self.outer - np.outer(self.mean, self.total)) / max(1, self.count - 1)


@dataclass(frozen=True, eq=False)
class Head:
    """A line through feature space: logit = features . weights + bias, and the logit from which it is a defect.

    Attributes:
        weights: ``(F,)`` ``float32``.
        bias: a number.
        level: the decision level, in logits.
    """

    weights: npt.NDArray[np.float32]
    bias: float
    level: float = 0.0


def discriminant(defect: Sequence[Moments], background: Sequence[Moments]) -> Head:
    """The discriminant between two classes, each the union of some sets of pixels; its level is 0.

    A feature that never varies has no say.
    """
    on, off = (_union(sets) for sets in (defect, background))
    spread = np.sqrt(np.maximum(np.diag((on + off).covariance), 0))
    usable = spread > 1e-9 * max(1.0, float(spread.max()))
    scale = np.where(usable, 1 / np.where(usable, spread, 1), 0)
    within = (on.covariance + off.covariance) / 2 * np.outer(scale, scale)
    within[np.diag_indices_from(within)] += SHRINKAGE
    weights = np.linalg.solve(within, (on.mean - off.mean) * scale) * scale
    return Head(weights.astype(np.float32), float(-(on.mean + off.mean) @ weights / 2))


def _union(sets: Sequence[Moments]) -> Moments:
    whole = sets[0]
    for more in sets[1:]:
        whole = whole + more
    return whole
