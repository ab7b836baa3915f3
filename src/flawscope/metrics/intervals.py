"""How sure a figure is: bootstrap intervals over images or groups, Wilson's and Clopper and Pearson's for shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Floats

_NORMAL_95 = 1.959963984540054
_BATCH = 200


def bootstrap(
    figures: Callable[[npt.NDArray[np.float64]], Mapping[str, Floats]],
    sums: npt.NDArray[np.float64],
    groups: Sequence[str] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of every figure.

    Whole groups are drawn with replacement, as many as there are; images without a group are a group each.
    So pictures of one physical piece do not pretend to be independent evidence.

    Args:
        figures: from summed totals ``(resamples, size)`` to figures ``(resamples,)``.
        sums: ``(images, size)`` totals of each image.
        groups: name of the group of each image; None where each stands alone.
        resamples: how many times the dataset is drawn again.
        seed: of numpy's PCG64.

    Returns:
        Lower and upper end of each figure; NaN where it was undefined in every resample. Empty when there are
        fewer than two groups, for then nothing varies.
    """
    if groups is not None:
        _, numbers = np.unique(np.asarray(groups), return_inverse=True)
        pooled = np.zeros((int(numbers.max()) + 1, sums.shape[1]))
        np.add.at(pooled, numbers, sums)
        sums = pooled
    if len(sums) < 2:
        return {}
    generator = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {}
    units = len(sums)
    for start in range(0, resamples, _BATCH):
        count = min(_BATCH, resamples - start)
        weights = generator.multinomial(units, np.full(units, 1 / units), size=count).astype(np.float64)
        for name, values in figures(weights @ sums).items():
            drawn.setdefault(name, []).append(values)
    return {name: _percentiles(np.concatenate(parts)) for name, parts in drawn.items()}


def wilson(found: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; (NaN, NaN) of nothing."""
    if total == 0:
        return float("nan"), float("nan")
    square = _NORMAL_95**2
    share = found / total
    centre = (share + square / (2 * total)) / (1 + square / total)
    half = _NORMAL_95 * np.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    low, high = float(centre - half), float(centre + half)
    return 0.0 if found == 0 else low, 1.0 if found == total else high


def clopper_pearson(
    found: npt.ArrayLike, total: int, *, confidence: float = 0.95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The exact interval of a share (C. Clopper and E. Pearson, Biometrika 1934); NaN of nothing.

    Args:
        found: how many of ``total``, any shape. Between two whole numbers the lower end is that of the smaller
            and the upper end that of the larger one.
        total: how many there are.
        confidence: that the share lies inside.

    Returns:
        Lower and upper ends, in the shape of ``found``.
    """
    from scipy.special import betaincinv

    hits = np.asarray(found, dtype=np.float64)
    if total == 0:
        return np.full(hits.shape, np.nan), np.full(hits.shape, np.nan)
    # shares of groups add up to whole numbers only nearly
    below, above = np.floor(hits + 1e-9), np.ceil(hits - 1e-9)
    tail = (1 - confidence) / 2
    low = np.where(below > 0, betaincinv(np.maximum(below, 1), total - below + 1, tail), 0.0)
    high = np.where(above < total, betaincinv(above + 1, np.maximum(total - above, 1), 1 - tail), 1.0)
    return low, high


def _percentiles(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
