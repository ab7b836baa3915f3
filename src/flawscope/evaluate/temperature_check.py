"""What a temperature is worth, on images that it was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.evaluate.seen_pixels import Pixels, SeenPixels, halves
from flawscope.evaluate.temperature_fit import Likelihood
from flawscope.metrics.arrays import Floats
from flawscope.metrics.intervals import bootstrap
from flawscope.metrics.reliability import (
    BINS,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)
from flawscope.segment.temperature import tempered

MEASURED = ("ece", "mce", "nll")
"""As in ``docs/metrics.md``, and the mean negative log-likelihood of a pixel in nats."""

_WHEN = ("before", "after", "change")


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after, and its change on the same images, each with its 95 % bootstrap interval."""

    before: float
    after: float
    change: float
    intervals: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "before": self.before,
            "after": self.after,
            "change": self.change,
            "intervals_95": dict(self.intervals),
        }


@dataclass(frozen=True, slots=True)
class FittedTemperature:
    """A temperature and its check.

    Attributes:
        temperature: fitted on all images, relative to what the weights said before.
        of_halves: fitted on either half alone.
        sizes: images of either half.
        figures: those of :data:`MEASURED`, after by the temperature of the other half.
    """

    temperature: float
    of_halves: tuple[float, float]
    sizes: tuple[int, int]
    figures: dict[str, Change]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "temperature": self.temperature,
            "temperatures_of_halves": list(self.of_halves),
            "images_of_halves": list(self.sizes),
            "figures": {name: change.to_json() for name, change in self.figures.items()},
        }


def fit_and_check(seen: SeenPixels, *, seed: int = 0, resamples: int = 1000) -> FittedTemperature:
    """Fit on each half and check on the other, then fit on all.

    Args:
        seen: labelled pixels that trained nothing.
        seed: of the division into halves (by group) and of the bootstrap.
        resamples: of the bootstrap; 0 for no intervals.

    Raises:
        DataError: the images do not suffice.
    """
    parts = halves(seen.images, seed)
    fitted = [Likelihood.of([seen.images[i] for i in part], seen.merged).best() for part in parts]
    totals = np.zeros((len(seen.images), 2 * (3 * BINS + 1)))
    for part, other in zip(parts, reversed(fitted), strict=True):
        for place in part:
            pixels = seen.images[place]
            totals[place] = np.concatenate([_totals(pixels, at, seen.merged) for at in (1.0, other)])
    summed = _figures(totals.sum(axis=0))
    groups = [pixels.group for pixels in seen.images]
    intervals = bootstrap(_figures, totals, groups, resamples=resamples, seed=seed) if resamples else {}
    figures = {
        name: Change(
            before=float(summed[f"{name}_before"]),
            after=float(summed[f"{name}_after"]),
            change=float(summed[f"{name}_change"]),
            intervals={when: intervals[f"{name}_{when}"] for when in _WHEN if intervals},
        )
        for name in MEASURED
    }
    whole = Likelihood.of(seen.images, seen.merged).best()
    return FittedTemperature(whole, (fitted[0], fitted[1]), (len(parts[0]), len(parts[1])), figures)


def _totals(pixels: Pixels, temperature: float, merged: bool) -> Floats:
    """Bins and summed loss of one image at a temperature."""
    any_defect = np.minimum(tempered(pixels.probability, temperature).sum(axis=0), 1.0)
    bins = reliability(any_defect, pixels.truth) * pixels.weight
    loss = Likelihood.of([pixels], merged).loss(temperature) * bins[0].sum()
    return np.concatenate((bins.ravel(), [loss]))


def _figures(totals: npt.NDArray[np.float64]) -> dict[str, Floats]:
    figures: dict[str, Floats] = {}
    for when, part in zip(_WHEN[:2], np.split(totals, 2, axis=-1), strict=True):
        bins = part[..., :-1].reshape((*part.shape[:-1], 3, BINS))
        figures[f"ece_{when}"] = expected_calibration_error(bins)
        figures[f"mce_{when}"] = maximum_calibration_error(bins)
        figures[f"nll_{when}"] = part[..., -1] / bins[..., 0, :].sum(axis=-1)
    return figures | {
        f"{name}_change": figures[f"{name}_after"] - figures[f"{name}_before"] for name in MEASURED
    }
