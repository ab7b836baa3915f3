"""The temperature that makes probabilities of labelled pixels likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError
from flawscope.evaluate.seen_pixels import Pixels

COLDEST, HOTTEST = 0.05, 20.0
"""No temperature outside these is tried."""

SMALLEST = 2.0**-24
"""Smaller probabilities count as this much, so that no pixel alone decides; what 32 bits know below 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """How likely the truth of pixels is at any temperature.

    Attributes:
        logs: ``(K + 1, n)`` logs of the probabilities, background first.
        truth: ``(n,)`` class numbers, 0 and 1 where classes are merged.
        weights: ``(n,)`` pixels that each stands for.
        merged: whether truth only says "some defect or none".
    """

    logs: npt.NDArray[np.float32]
    truth: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float32]
    merged: bool

    @classmethod
    def of(cls, images: Sequence[Pixels], merged: bool) -> Likelihood:
        """That of the pixels of some images."""
        probability = np.concatenate([pixels.probability for pixels in images], axis=1)
        whole = np.concatenate([1 - probability.sum(axis=0, keepdims=True), probability])
        return cls(
            np.log(np.clip(whole, np.float32(SMALLEST), np.float32(1 - SMALLEST))),
            np.concatenate([pixels.truth for pixels in images]),
            np.concatenate([np.full(pixels.truth.size, pixels.weight, np.float32) for pixels in images]),
            merged,
        )

    def loss(self, temperature: float) -> float:
        """Mean negative log-likelihood of a pixel, in nats."""
        divided = self.logs / np.float32(temperature)
        total = np.logaddexp.reduce(divided, axis=0)
        if self.merged:
            said = np.where(self.truth > 0, np.logaddexp.reduce(divided[1:], axis=0), divided[0])
        else:
            said = np.take_along_axis(divided, self.truth[None].astype(np.intp), axis=0)[0]
        return float(np.average(total - said, weights=self.weights.astype(np.float64)))

    def best(self) -> float:
        """The temperature of the smallest loss; the loss has one minimum, for it is convex in 1 / T.

        Raises:
            DataError: it lies at an end of what is tried, for these pixels do not limit it.
        """
        from scipy.optimize import minimize_scalar

        found = minimize_scalar(
            lambda exponent: self.loss(float(np.exp(exponent))),
            bounds=(np.log(COLDEST), np.log(HOTTEST)),
            method="bounded",
            options={"xatol": 1e-4},
        )
        temperature = float(np.exp(found.x))
        for end, reason, remedy in (
            (COLDEST, "nearly every pixel is answered rightly", "Give more images, harder ones"),
            (HOTTEST, "the answers tell nothing of the truth", "Train the weights first"),
        ):
            if self.loss(end) <= found.fun:
                raise DataError(
                    f"no temperature from {COLDEST:g} to {HOTTEST:g} fits best: {reason}", remedy=remedy
                )
        return temperature
