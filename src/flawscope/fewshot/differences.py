"""Is one method better than another? Paired differences on the same images, with bootstrap intervals.

The statistic is class mIoU as an image mean: for each manifest and class the mean difference over its query images,
then the mean over classes and manifests. Physical pieces are drawn again within their class, with all their images;
one that stands in several manifests is drawn for all of them together, because it is the same evidence. An image of
which no piece is known is one by itself. Seeds of a method are averaged first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flawscope.metrics.arrays import Floats

Key = tuple[str, str, str]
"""Manifest, class, image."""

RESAMPLES = 2000
_BATCH = 250


@dataclass(frozen=True, slots=True)
class Difference:
    """One method minus another.

    Attributes:
        mean: of the statistic, in IoU (0 to 1).
        low, high: ends of the 95 % percentile interval; NaN when no class has two pieces.
        images: different images it rests on.
        pieces: that they show, those of each class counted by themselves.
        manifests: manifests that both methods were run on.
    """

    mean: float
    low: float
    high: float
    images: int
    pieces: int
    manifests: int

    @property
    def certain(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    values: Mapping[Key, float],
    against: Mapping[Key, float],
    *,
    pieces: Mapping[tuple[str, str], str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference | None:
    """``values`` minus ``against`` over the images that both have; None when they share none.

    Args:
        values, against: a figure of each image.
        pieces: by class and image, the physical piece it shows.
        resamples: drawn for the interval.
        seed: of the drawing.
    """
    shared = sorted(values.keys() & against.keys())
    if not shared:
        return None
    manifests = sorted({manifest for manifest, _, _ in shared})
    sums: list[Floats] = []
    drawn: list[int] = []
    generator = np.random.default_rng(seed)
    for name in dict.fromkeys(kind for _, kind, _ in shared):
        keys = [key for key in shared if key[1] == name]
        units = sorted({image for _, _, image in keys})
        table = np.full((len(units), len(manifests)), np.nan)
        for manifest, _, image in keys:
            key = (manifest, name, image)
            table[units.index(image), manifests.index(manifest)] = values[key] - against[key]
        shown = [(pieces or {}).get((name, image), f"image {image}") for image in units]
        known, member = np.unique(shown, return_inverse=True)
        drawn.append(len(known))
        sums.append(_class_means(table, member, len(known), resamples, generator))
    with np.errstate(invalid="ignore"):
        # (classes, 1 + resamples, manifests), the first as it is; a cell of no drawn image is left out
        means = _nanmean(_nanmean(np.stack(sums), axis=0), axis=-1)
    low, high = np.percentile(means[1:], (2.5, 97.5)) if max(drawn) > 1 and resamples else (np.nan, np.nan)
    images = len({(kind, image) for _, kind, image in shared})
    return Difference(float(means[0]), float(low), float(high), images, sum(drawn), len(manifests))


def _class_means(
    table: Floats,
    member: np.typing.NDArray[np.intp],
    count: int,
    resamples: int,
    generator: np.random.Generator,
) -> Floats:
    """``(1 + resamples, manifests)``: mean differences of a class, as they are and with its ``count`` pieces drawn
    again; ``member`` says which each image shows."""
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    parts = [_weighted(np.ones((1, len(table))), filled, known)]
    for start in range(0, resamples, _BATCH):
        drawn = min(_BATCH, resamples - start)
        weights = generator.multinomial(count, np.full(count, 1 / count), size=drawn).astype(np.float64)
        parts.append(_weighted(weights[:, member], filled, known))
    return np.concatenate(parts)


def _weighted(weights: Floats, filled: Floats, known: np.typing.NDArray[np.bool_]) -> Floats:
    under = weights @ known
    return np.where(under > 0, weights @ filled / np.where(under > 0, under, 1.0), np.nan)


def _nanmean(values: Floats, axis: int) -> Floats:
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
