"""How many defects there are of each size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.inspect.report_scale import round_step, said
from flawscope.inspect.report_units import Units
from flawscope.inspect.tables import Record

WIDTH, HEIGHT = 460.0, 190.0
"""Size of the bars' field, in units of the SVG."""

_LOGARITHMIC_FROM, _MOST_BARS = 30.0, 14


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, its place in units of the SVG, and what it stands for."""

    x: float
    y: float
    wide: float
    high: float
    count: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars of one measure.

    Attributes:
        name: of the measure.
        unit: of its values.
        bars: from small to large; each holds its lower edge, the last also its upper one.
        edges: where an edge stands, and what it says.
        summary: median and largest, in words.
    """

    name: str
    unit: str
    bars: list[Bar]
    edges: list[tuple[float, str]]
    summary: str


def histograms(records: Sequence[Record], units: Units) -> list[Histogram]:
    """Of lengths, where they were measured, and of areas."""
    asked = [("Length", *units.length)] if units.measured else []
    made = []
    for name, key, unit in (*asked, ("Area", *units.area)):
        values = np.array([defect[key] for record in records for defect in record["defects"]], np.float64)
        if values.size:
            made.append(histogram(values, name, unit))
    return made


def histogram(values: npt.NDArray[np.float64], name: str, unit: str) -> Histogram:
    """Bars of round widths; of round ratios where the largest value is many times the smallest.

    Args:
        values: one or more, 0 or above.
        name: of the measure.
        unit: of the values.
    """
    edges = bin_edges(float(values.min()), float(values.max()))
    counts, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)  # edges are rounded
    wide, most = WIDTH / len(counts), int(counts.max())
    bars = [
        Bar(
            round(index * wide, 1),
            round(HEIGHT * (1 - count / most), 1),
            round(wide - 2, 1),
            round(HEIGHT * count / most, 1),
            count,
            said(edges[index]),
            said(edges[index + 1]),
        )
        for index, count in enumerate(counts.tolist())
    ]
    every = math.ceil(len(edges) / 9)
    marks = [(round(index * wide, 1), said(edge)) for index, edge in enumerate(edges) if index % every == 0]
    summary = f"median {said(_short(np.median(values)))} {unit}, largest {said(_short(values.max()))} {unit}"
    return Histogram(name, unit, bars, marks, summary)


def bin_edges(least: float, largest: float) -> list[float]:
    """Round edges that hold all values from the least to the largest."""
    if least > 0 and largest / least > _LOGARITHMIC_FROM:
        powers = range(math.floor(math.log10(least)), math.ceil(math.log10(largest)) + 1)
        series = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        first = max(index for index, edge in enumerate(series) if edge <= least)
        last = min(index for index, edge in enumerate(series) if edge >= largest)
        return series[first : last + 1]
    step = round_step(largest - least or largest or 1.0, _MOST_BARS)
    start = math.floor(least / step)
    return [(start + number) * step for number in range(max(1, math.ceil(largest / step) - start) + 1)]


def _short(value: float) -> float:
    return float(f"{value:.3g}")
