"""The defect map: all defects of a strip, or of all images laid on each other, at their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flawscope.inspect.report_scale import Tick, ticks
from flawscope.inspect.report_units import Units
from flawscope.inspect.tables import Record

WIDTH, HIGHEST, LOWEST = 1120.0, 460.0, 140.0
"""Size of the drawing, in units of the SVG."""

LEFT, RIGHT, TOP, BOTTOM = 62.0, 22.0, 12.0, 46.0
"""Room around it for the axes."""

_METRES_FROM_MM = 5000.0


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its ticks and what it counts."""

    ticks: list[Tick]
    name: str


@dataclass(frozen=True, slots=True)
class DefectMap:
    """The frame that defects are drawn in.

    Attributes:
        wide: width of the frame, in units of the SVG.
        high: its height.
        lying: whether rows of the image run from left to right, because it is much longer than wide.
        per_px_x: units of the SVG for a pixel along a row.
        per_px_y: and along a column.
        across: the axis from left to right.
        down: the axis from top to bottom.
        stretched: whether the two directions have different scales.
        images: how many lie on each other.
    """

    wide: float
    high: float
    lying: bool
    per_px_x: float
    per_px_y: float
    across: Axis
    down: Axis
    stretched: bool
    images: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height with the axes."""
        return LEFT + self.wide + RIGHT, TOP + self.high + BOTTOM

    @property
    def corner(self) -> tuple[float, float]:
        """Upper left corner of the frame."""
        return LEFT, TOP

    def place(self, box: Sequence[float]) -> list[float]:
        """A box ``(x, y, width, height)`` in pixels as one in units of the SVG, to a tenth."""
        x, y, width, height = box
        placed = [x * self.per_px_x, y * self.per_px_y, width * self.per_px_x, height * self.per_px_y]
        if self.lying:
            placed = [placed[1], placed[0], placed[3], placed[2]]
        return [
            round(LEFT + placed[0], 1),
            round(TOP + placed[1], 1),
            *(round(side, 1) for side in placed[2:]),
        ]


def lay_out(records: Sequence[Record], units: Units) -> DefectMap | None:
    """The frame for these records; None without any.

    Images lie on each other with their upper left corners together; the frame is as large as the largest.
    """
    if not records:
        return None
    scale_x, scale_y = units.scale or (1.0, 1.0)
    columns = max(record["width"] for record in records)
    rows = max(record["height"] for record in records)
    lying = rows * scale_y > 2 * columns * scale_x
    across, down = (rows * scale_y, columns * scale_x) if lying else (columns * scale_x, rows * scale_y)
    factor = min(WIDTH / across, HIGHEST / down)
    wide, high = across * factor, down * factor
    stretched = high < LOWEST
    high = max(high, LOWEST)
    unit = "px" if units.scale is None else "mm"
    names = ("along", "across") if lying else ("x", "y")
    return DefectMap(
        round(wide, 1),
        round(high, 1),
        lying,
        (high if lying else wide) / columns,
        (wide if lying else high) / rows,
        _axis(across, wide, unit, names[0], 110),
        _axis(down, high, unit, names[1], 60),
        stretched,
        len(records),
    )


def _axis(extent: float, length: float, unit: str, name: str, apart: float) -> Axis:
    if unit == "mm" and extent >= _METRES_FROM_MM:
        extent, unit = extent / 1000, "m"
    return Axis(ticks(extent, length, max(2, int(length / apart))), f"{name} ({unit})")
