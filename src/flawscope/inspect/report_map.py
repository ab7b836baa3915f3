"""The defect map: all defects of a strip, or of all images laid on each other, at their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flawscope.inspect.report_scale import Tick, ticks
from flawscope.inspect.report_units import Units
from flawscope.inspect.tables import Record

WIDTH, HIGHEST, LOWEST = 1120.0, 460.0, 140.0
"""Size of the drawing, in units of the SVG."""

LEFT, RIGHT, TOP, BOTTOM = 62.0, 22.0, 12.0, 46.0
"""Room around it for the axes."""

TITLE = 20.0
"""Room above each of several frames for what it shows."""

_APART, _MOST_FRAMES = 2.5, 4
"""Images whose sides differ more than so many times have a frame each, up to so many frames."""

_HIGHEST_OF_SEVERAL = 300.0

METRES_FROM_MM = 5000.0


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
        top: where it begins, below the frames above it.
        title: what it shows, where there are several.
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
    top: float = 0.0
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height with the axes."""
        return LEFT + self.wide + RIGHT, TOP + self.high + BOTTOM

    @property
    def corner(self) -> tuple[float, float]:
        """Upper left corner of the frame."""
        return LEFT, self.top + TOP

    def place(self, box: Sequence[float]) -> list[float]:
        """A box ``(x, y, width, height)`` in pixels as one in units of the SVG, to a tenth."""
        x, y, width, height = box
        placed = [x * self.per_px_x, y * self.per_px_y, width * self.per_px_x, height * self.per_px_y]
        if self.lying:
            placed = [placed[1], placed[0], placed[3], placed[2]]
        return [
            round(LEFT + placed[0], 1),
            round(self.top + TOP + placed[1], 1),
            *(round(side, 1) for side in placed[2:]),
        ]

    def place_of(self, _number: int, box: Sequence[float]) -> list[float]:
        """As :meth:`place`, of whichever image."""
        return self.place(box)


@dataclass(frozen=True, slots=True)
class DefectMaps:
    """One frame below the other, for images of very different sizes.

    Attributes:
        frames: from the largest images to the smallest.
        which: the frame of each image.
    """

    frames: list[DefectMap]
    which: list[int]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of all frames."""
        last = self.frames[-1]
        return max(frame.size[0] for frame in self.frames), round(last.top + last.size[1], 1)

    @property
    def wide(self) -> bool:
        """Whether they need the whole width of the page."""
        return self.size[0] > 784

    @property
    def stretched(self) -> DefectMap | None:
        """The first frame whose two directions have different scales."""
        return next((frame for frame in self.frames if frame.stretched), None)

    @property
    def images(self) -> int:
        """The most that lie on each other."""
        return max(frame.images for frame in self.frames)

    def place_of(self, number: int, box: Sequence[float]) -> list[float]:
        """A box of image ``number``, counted from 1, as :meth:`DefectMap.place` gives it."""
        return self.frames[self.which[number - 1]].place(box)


def lay_out_apart(
    records: Sequence[Record], units: Units, names: Sequence[str], noun: str
) -> DefectMaps | None:
    """The frames for these records; images of about the same size share one. None without any.

    Args:
        records: lines of ``results.jsonl``.
        units: what they have in common.
        names: what to call each.
        noun: what to call many.
    """
    groups = _alike([(record["width"], record["height"]) for record in records])
    frames: list[DefectMap] = []
    which = [0] * len(records)
    several = len(groups) > 1
    below = 0.0
    for number, group in enumerate(groups):
        frame = lay_out(
            [records[index] for index in group], units, _HIGHEST_OF_SEVERAL if several else HIGHEST
        )
        assert frame is not None
        if several:
            title = names[group[0]] if len(group) == 1 else f"{len(group):,} {noun}s"
            frame = replace(frame, top=round(below + TITLE, 1), title=title)
            below = frame.top + frame.size[1]
        frames.append(frame)
        for index in group:
            which[index] = number
    return DefectMaps(frames, which) if frames else None


def _alike(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Numbers of images, those together whose sides are about as long, the largest first."""
    groups: list[list[int]] = []
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index][0] * sizes[index][1]):
        for group in groups:
            first = sizes[group[0]]
            if all(
                largest / _APART <= side <= largest * _APART
                for side, largest in zip(sizes[index], first, strict=True)
            ):
                group.append(index)
                break
        else:
            groups.append([index])
    rest = [index for group in groups[_MOST_FRAMES - 1 :] for index in group]
    return [*groups[: _MOST_FRAMES - 1], rest] if len(groups) > _MOST_FRAMES else groups


def lay_out(records: Sequence[Record], units: Units, highest: float = HIGHEST) -> DefectMap | None:
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
    factor = min(WIDTH / across, highest / down)
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
    if unit == "mm" and extent >= METRES_FROM_MM:
        extent, unit = extent / 1000, "m"
    return Axis(ticks(extent, length, max(2, int(length / apart))), f"{name} ({unit})")
