"""Zones: named parts of an image, as people give them."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flawscope.inspect.zone_shapes import Polygon, Rectangle, Zone

Unit = Literal["px", "share", "mm"]


class Scale(Protocol):
    """A calibration, as far as judging needs it."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def mm_per_px_x(self) -> float:
        """Width of a pixel in mm."""
        ...

    @property
    def mm_per_px_y(self) -> float:
        """Height of a pixel in mm."""
        ...


_COMMA = re.compile(r"[-+]?\d*,\d+")


def _a_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    if isinstance(value, str):
        hint = " with a decimal point" if _COMMA.fullmatch(value) else ""
        raise ValueError(f"must be a number{hint}, not the text '{value[:40]}'")
    return value


Number: TypeAlias = Annotated[float, BeforeValidator(_a_number), Field(allow_inf_nan=False)]
"""A finite number; YAML's ``yes`` is none, and neither is text in quotes."""

Place: TypeAlias = Annotated[Number, Field(ge=0)]


class Edges(BaseModel):
    """How far the border of an image reaches in from each of its edges; 0 for not at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left: Place = 0.0
    right: Place = 0.0
    top: Place = 0.0
    bottom: Place = 0.0


class ZoneDescription(BaseModel):
    """A zone as a rule file gives it: a rectangle, a polygon, or a border along the edges.

    Attributes:
        unit: of all its numbers: pixels, shares of width and height, or mm; from the left and upper edge.
        columns: from and to; all columns if left out.
        rows: from and to; all rows if left out.
        polygon: at least three corners ``(x, y)``, in order.
        edges: a border of this depth.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Unit = "px"
    columns: tuple[Place, Place] | None = None
    rows: tuple[Place, Place] | None = None
    polygon: tuple[tuple[Place, Place], ...] | None = Field(default=None, max_length=10_000)
    edges: Edges | None = None

    @model_validator(mode="after")
    def _one_shape_with_an_area(self) -> ZoneDescription:
        shapes = (self.columns is not None or self.rows is not None, self.polygon is not None)
        if sum((*shapes, self.edges is not None)) != 1:
            raise ValueError("a zone has either columns and rows, or a polygon, or edges")
        for name, ends in (("columns", self.columns), ("rows", self.rows)):
            if ends is not None and ends[0] >= ends[1]:
                raise ValueError(f"the zone is empty: {name} from {ends[0]:g} to {ends[1]:g}")
        if self.polygon is not None and _area(np.array(self.polygon).reshape(-1, 2)) == 0:
            raise ValueError("the zone is empty: its polygon has no area")
        if self.edges is not None and not any(self.edges.model_dump().values()):
            raise ValueError("the zone is empty: every edge is 0")
        if self.unit == "share" and any(value > 1 for value in self._numbers()):
            raise ValueError("the zone lies outside: shares go from 0 to 1")
        return self

    def _numbers(self) -> list[float]:
        corners = [value for corner in self.polygon or () for value in corner]
        edges = [] if self.edges is None else list(self.edges.model_dump().values())
        return [*(self.columns or ()), *(self.rows or ()), *corners, *edges]

    @property
    def needs_height(self) -> bool:
        """Whether it can only be placed once the number of rows is known."""
        if self.edges is not None:
            return self.edges.bottom > 0 or (self.unit == "share" and self.edges.top > 0)
        return self.unit == "share" and (self.rows is not None or self.polygon is not None)

    def place(self, width: int, height: int | None, scale: Scale | None) -> Zone | None:
        """The zone in pixels of an image, or None where it has no part in it.

        Args:
            width: columns of the image.
            height: its rows; None where nobody knows yet, and ``needs_height`` is false.
            scale: needed for mm.
        """
        rows = math.inf if height is None else float(height)
        factor_x, factor_y = self._factors(width, rows, scale)
        if self.polygon is not None:
            corners = np.array(self.polygon) * (factor_x, factor_y)
            return Zone((Polygon(corners),)) if _meets(corners, width, rows) else None
        rectangles = []
        if self.edges is not None:
            left, right = self.edges.left * factor_x, self.edges.right * factor_x
            top, bottom = (0.0 if not e else e * factor_y for e in (self.edges.top, self.edges.bottom))
            rectangles = [
                Rectangle(0.0, 0.0, left, rows),
                Rectangle(width - right, 0.0, float(width), rows),
                Rectangle(0.0, 0.0, float(width), top),
            ]
            if bottom:
                rectangles.append(Rectangle(0.0, rows - bottom, float(width), rows))
        else:
            x0, x1 = (0.0, float(width)) if self.columns is None else (x * factor_x for x in self.columns)
            y0, y1 = (0.0, rows) if self.rows is None else (y * factor_y for y in self.rows)
            rectangles = [Rectangle(x0, y0, x1, y1)]
        clipped = [
            Rectangle(max(r.left, 0.0), max(r.top, 0.0), min(r.right, float(width)), min(r.bottom, rows))
            for r in rectangles
        ]
        kept = tuple(r for r in clipped if r.left < r.right and r.top < r.bottom)
        return Zone(kept) if kept else None

    def _factors(self, width: int, rows: float, scale: Scale | None) -> tuple[float, float]:
        """Pixels for one unit, along x and y."""
        if self.unit == "share":
            return float(width), rows
        if self.unit == "mm":
            assert scale is not None
            return 1 / scale.mm_per_px_x, 1 / scale.mm_per_px_y
        return 1.0, 1.0


def _area(corners: npt.NDArray[np.float64]) -> float:
    following = np.roll(corners, -1, axis=0)
    return abs(float((corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]).sum())) / 2


def _meets(corners: npt.NDArray[np.float64], width: float, rows: float) -> bool:
    return bool(corners[:, 0].min() < width and corners[:, 1].min() < rows)
