"""In which units a report speaks: millimetres where every image has them, else pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flawscope.inspect.tables import Record


@dataclass(frozen=True, slots=True)
class Units:
    """What the records of a report have in common.

    Attributes:
        measured: whether every defect has a length.
        mm: whether every defect's measures are in millimetres too.
        scale: millimetres a pixel in x and y where all images share them, else None.
        calibrations: ids and millimetres a pixel, each once.
    """

    measured: bool
    mm: bool
    scale: tuple[float, float] | None
    calibrations: tuple[tuple[str, float, float], ...]

    @property
    def length(self) -> tuple[str, str]:
        """Name of the length among a defect's measures, and its unit."""
        return ("length_mm", "mm") if self.mm else ("length_px", "px")

    @property
    def size(self) -> str:
        """Name of the measure by which the largest defect is known: its length, or where there is none its area."""
        return self.length[0] if self.measured else "area_px"

    @property
    def width(self) -> tuple[str, str]:
        """Name of the largest width, and its unit."""
        return ("width_max_mm", "mm") if self.mm else ("width_max_px", "px")

    @property
    def area(self) -> tuple[str, str]:
        """Name of the area, and its unit."""
        return ("area_mm2", "mm²") if self.mm else ("area_px", "px")


def units_of(records: Sequence[Record]) -> Units:
    """The units of a report on these records."""
    found = [record.get("calibration") for record in records]
    distinct = dict.fromkeys(
        (str(entry["id"]), float(entry["mm_per_px_x"]), float(entry["mm_per_px_y"]))
        for entry in found
        if entry is not None
    )
    scales = {(x, y) for _, x, y in distinct}
    shared = scales.pop() if len(scales) == 1 and None not in found else None
    defects = [defect for record in records for defect in record["defects"]]
    measured = bool(defects) and all(defect.get("length_px") is not None for defect in defects)
    in_mm = measured and all(
        defect.get("length_mm") is not None and defect.get("area_mm2") is not None for defect in defects
    )
    return Units(measured, in_mm, shared, tuple(distinct))
