"""Millimetres a pixel of one camera, how they came about, and the file that keeps them."""

from __future__ import annotations

import datetime
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import DataError, UsageError
from flawscope.outputs import write_text

SCHEMA = "flawscope/calibration/1"

Size = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SPEED = re.compile(r"(?P<number>[-+.\deE]+?)\s*(?P<unit>m/s|mm/s|m/min)")
_MM_PER_S = {"mm/s": 1.0, "m/s": 1000.0, "m/min": 1000.0 / 60.0}


def _checked_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("an id has up to 64 letters, digits, dots, dashes and underscores, as in line-3")
    return text


class Target(BaseModel):
    """How well the picture of a target agreed with the target.

    Attributes:
        pattern: ``checkerboard`` or ``dots``.
        pitch_mm: distance of neighbouring corners or dots on the target.
        points: how many were found, along its two sides.
        residual_px: root mean square distance of the points from where the millimetres a pixel put them.
        spread: largest less smallest millimetres a pixel over the field, divided by their mean.
        picture: name of the image file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: Literal["checkerboard", "dots"]
    pitch_mm: Size
    points: tuple[int, int]
    residual_px: float
    spread: float
    picture: str = ""


class LineScan(BaseModel):
    """Where millimetres a row come from on a line-scan camera.

    Attributes:
        line_rate_hz: rows a second.
        speed_mm_per_s: of the surface.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    line_rate_hz: Size
    speed_mm_per_s: Size


class Calibration(BaseModel):
    """Millimetres a pixel of one camera.

    Attributes:
        id: which camera or line, such as ``line-3``.
        mm_per_px_x: width of a pixel on the surface, above 0.
        mm_per_px_y: height of a pixel on the surface, above 0.
        source: ``given``, ``line-scan`` (y from line rate and speed) or ``target``.
        line_scan: for ``line-scan``.
        target: for ``target``.
        camera: a note for people.
        date: the day it was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, AfterValidator(_checked_id)]
    mm_per_px_x: Size
    mm_per_px_y: Size
    source: Literal["given", "line-scan", "target"] = "given"
    line_scan: LineScan | None = None
    target: Target | None = None
    camera: str = ""
    date: datetime.date = Field(default_factory=datetime.date.today)

    def require_id(self, wanted: str) -> None:
        """Refuse another camera's calibration.

        Raises:
            UsageError: ``wanted`` is not this id.
        """
        if wanted != self.id:
            raise UsageError(
                f"the calibration is of '{self.id}', not of '{wanted}'",
                remedy=f"Give the calibration of '{wanted}'",
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what does not apply."""
        return self.model_dump(mode="json", exclude_none=True)

    def save(self, path: str | Path) -> Path:
        """Write as YAML, whole or not at all."""
        return write_text(path, yaml.safe_dump({"schema": SCHEMA, **self.to_json()}, sort_keys=False))


def new_calibration(**fields: Any) -> Calibration:
    """A checked :class:`Calibration`.

    Raises:
        UsageError: a field is not as it should be; the line names the first.
    """
    try:
        return Calibration(**fields)
    except ValidationError as error:
        raise UsageError(_complaint(error), where="calibration") from error


def load_calibration(path: str | Path) -> Calibration:
    """Read what :meth:`Calibration.save` wrote.

    Raises:
        DataError: no such file, or not a calibration.
    """
    file = Path(path)
    remedy = "Make one with: flawscope calibration new --help"
    try:
        stored = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError((error.strerror or str(error)).lower(), where=file, remedy=remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError("not a calibration: not readable as YAML", where=file, remedy=remedy) from error
    if not isinstance(stored, dict) or stored.pop("schema", None) != SCHEMA:
        raise DataError(f"not a calibration: no 'schema: {SCHEMA}'", where=file, remedy=remedy)
    try:
        return Calibration(**stored)
    except (ValidationError, TypeError) as error:
        line = _complaint(error) if isinstance(error, ValidationError) else str(error)
        raise DataError(line, where=file, remedy="Mend the file or make a new one") from error


def mm_per_row(line_rate_hz: float, speed_mm_per_s: float) -> float:
    """Height of a row in millimetres: speed over line rate.

    Raises:
        UsageError: one is not above 0, or not finite.
    """
    for value, name in ((line_rate_hz, "--line-rate"), (speed_mm_per_s, "--speed")):
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"must be a number above 0, not {value:g}", where=name)
    return speed_mm_per_s / line_rate_hz


def parse_speed(text: str) -> float:
    """``1.2m/s``, ``72m/min`` or ``1200mm/s`` in millimetres a second.

    Raises:
        UsageError: anything else.
    """
    found = _SPEED.fullmatch(text.strip())
    try:
        if found:
            return float(found["number"]) * _MM_PER_S[found["unit"]]
    except ValueError:
        pass
    raise UsageError(
        f"'{text}' is not a speed", where="--speed", remedy="Such as 1.2m/s, 72m/min or 1200mm/s"
    )


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], str) and re.fullmatch(r"[-+]?\d*,\d+", first["input"]):
        return f"{name} ({first['input']!r}): use a decimal point"
    shown = "" if first["type"] in ("missing", "extra_forbidden") else f" ({first['input']!r})"
    return f"{name}{shown}: {reason[:1].lower()}{reason[1:]}"
