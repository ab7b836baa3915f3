"""Figures of a row over its seeds, and whether one row is better than another on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flawscope.metrics.intervals import bootstrap
from flawscope.study.store import IMAGE_FIGURES, StoredRun

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one row.

    Attributes:
        mean: over seeds.
        spread: standard deviation over seeds; None with one.
        low, high: 95 % bootstrap interval over images (groups of images), of the mean over seeds; None where only
            single runs have one and there are several.
        seeds: how many.
    """

    mean: float
    spread: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Gap:
    """One row minus another on the same images.

    Attributes:
        mean: of the differences between images, each the mean over seeds.
        low, high: 95 % bootstrap interval; NaN with fewer than two groups.
        images: how many both were measured on.
    """

    mean: float
    low: float
    high: float
    images: int

    @property
    def certain(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def figure(runs: Sequence[StoredRun], test: str, name: str, protocol: str = "standard") -> Figure | None:
    """A figure of a row, from its finished runs; None where none was measured so.

    Args:
        runs: of one row, one a seed.
        test: name of the test set.
        name: see ``flawscope.metrics.FIGURES``.
        protocol: that it was measured by.
    """
    values = [value for run in runs if (value := run.figures(test, protocol).get(name)) is not None]
    if not values:
        return None
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    low = high = None
    if len(values) == 1:
        low, high = runs[0].facts["tests"][test][protocol]["intervals_95"].get(name) or (None, None)
    elif protocol == "standard" and name.removesuffix("_image_mean") in IMAGE_FIGURES:
        images = image_means(runs, test, name.removesuffix("_image_mean"))
        low, high = _interval(images, _groups(runs[0], test))
    return Figure(float(np.mean(values)), spread, low, high, len(values))


def gap(
    runs: Sequence[StoredRun], others: Sequence[StoredRun], test: str, name: str = "iou_fg"
) -> Gap | None:
    """``runs`` minus ``others`` over the images that both were measured on; None where there are none.

    Groups of images (of one physical piece) are drawn again together, the same for both rows.

    Args:
        runs, others: of two rows, one a seed.
        test: name of the test set.
        name: a figure of single images.
    """
    mine, theirs = image_means(runs, test, name), image_means(others, test, name)
    shared = {image: mine[image] - theirs[image] for image in mine if image in theirs}
    if not shared:
        return None
    low, high = _interval(shared, _groups(runs[0], test))
    return Gap(float(np.mean(list(shared.values()))), low, high, len(shared))


def image_means(runs: Sequence[StoredRun], test: str, name: str) -> dict[str, float]:
    """A figure of every image, as the mean over runs; images without it in any run are left out."""
    tables = [run.images(test) for run in runs]
    tables = [table for table in tables if table]
    if not tables:
        return {}
    shared = set.intersection(*(set(table) for table in tables))
    found = {}
    for image in sorted(shared):
        values = [table[image][name] for table in tables]
        if None not in values:
            found[image] = float(np.mean(values))
    return found


def _groups(run: StoredRun, test: str) -> dict[str, str]:
    return {image: row.get("group") or f"\0{image}" for image, row in run.images(test).items()}


def _interval(images: Mapping[str, float], groups: Mapping[str, str]) -> tuple[float, float]:
    sums = np.array([[value, 1.0] for value in images.values()])
    found = bootstrap(
        lambda totals: {"mean": totals[:, 0] / np.maximum(totals[:, 1], 1)},
        sums,
        [groups[image] for image in images],
        resamples=RESAMPLES,
    )
    return found.get("mean", (float("nan"), float("nan")))
