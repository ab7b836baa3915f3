"""The verb ``calibration``: millimetres a pixel of one camera, kept in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.output import JsonOption, console, emit_json

if TYPE_CHECKING:
    from flawscope.inspect.calibration import Calibration

IdOption = Annotated[
    str, typer.Option("--id", help="Which camera or line, such as line-3.", show_default=False)
]
OutOption = Annotated[Path, typer.Option(help="The .yaml file to write.", show_default=False)]
CameraOption = Annotated[str, typer.Option(help="A note: camera, lens, distance.")]

_UNUSUAL_MM = 10.0
"""A coarser pixel is more often a slip of units."""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    calibration = typer.Typer(help="Millimetres a pixel of one camera.", no_args_is_help=True)
    calibration.command("new")(new)
    calibration.command("target")(target)
    calibration.command("show")(show)
    app.add_typer(calibration, name="calibration")


def new(
    name: IdOption,
    out: OutOption,
    x: Annotated[
        float, typer.Option("--x", help="Millimetres a pixel along a row, such as 0.05.", show_default=False)
    ],
    y: Annotated[float | None, typer.Option("--y", help="And along a column. Default: as --x.")] = None,
    line_rate: Annotated[
        float | None, typer.Option(help="Rows a second of a line-scan camera, instead of --y.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Of the surface under it: 1.2m/s, 72m/min or 1200mm/s.")
    ] = None,
    camera: CameraOption = "",
    json_file: JsonOption = None,
) -> None:
    """Write a calibration from known millimetres a pixel.

    For a line-scan camera: y from its line rate and the speed of the surface.
    """
    from flawscope.errors import UsageError
    from flawscope.inspect.calibration import LineScan, mm_per_row, new_calibration, parse_speed

    if (line_rate is None) != (speed is None):
        raise UsageError("--line-rate and --speed go together", remedy="Give both, or --y")
    fields: dict[str, Any] = {"source": "given"}
    if line_rate is not None and speed is not None:
        if y is not None:
            raise UsageError("--y and --line-rate both say the height of a row", remedy="Give one of them")
        moving = parse_speed(speed)
        y = mm_per_row(line_rate, moving)
        scan = LineScan(line_rate_hz=line_rate, speed_mm_per_s=moving)
        fields = {"source": "line-scan", "line_scan": scan}
    for option, size in (("--x", x), ("--y", y)):
        if size is not None and not 0 < size < float("inf"):
            raise UsageError(f"must be a number above 0, not {size:g}", where=option)
    made = new_calibration(id=name, mm_per_px_x=x, mm_per_px_y=x if y is None else y, camera=camera, **fields)
    _write(made, out, json_file)


def target(
    image: Annotated[Path, typer.Argument(help="Picture of the target.", show_default=False)],
    name: IdOption,
    out: OutOption,
    pitch_mm: Annotated[
        float, typer.Option(help="Distance of neighbouring corners or dots.", show_default=False)
    ],
    points: Annotated[
        str,
        typer.Option(
            metavar="AxB",
            help="Inner corners, or dots, along two sides of the target: 9x6 for a board of 10 x 7 squares.",
            show_default=False,
        ),
    ],
    pattern: Annotated[str, typer.Option(help="checkerboard or dots.")] = "checkerboard",
    white: Annotated[
        int | None, typer.Option(min=1, help="Stored value that means white, such as 4095 for 12 bits.")
    ] = None,
    camera: CameraOption = "",
    json_file: JsonOption = None,
) -> None:
    """Write a calibration from a picture of a checkerboard or a grid of dots.

    Refused when the picture is tilted, skewed, blurred or uneven.
    """
    import re

    from flawscope.errors import UsageError
    from flawscope.images import read_image
    from flawscope.inspect.calibration import new_calibration
    from flawscope.inspect.target import measure_target

    sides = re.fullmatch(r"(\d{1,3})x(\d{1,3})", points)
    if sides is None or min(int(side) for side in sides.groups()) < 3:
        raise UsageError(f"'{points}' is not AxB with 3 or more each", where="--points", remedy="Such as 9x6")
    if pattern not in ("checkerboard", "dots"):
        raise UsageError(f"no pattern '{pattern}'", where="--pattern", remedy="Give checkerboard or dots")
    if not 0 < pitch_mm < float("inf"):
        raise UsageError(f"must be a number above 0, not {pitch_mm:g}", where="--pitch-mm")
    x, y, found = measure_target(
        read_image(image, white=white),
        pitch_mm,
        (int(sides[1]), int(sides[2])),
        pattern="dots" if pattern == "dots" else "checkerboard",
        picture=image.name,
    )
    made = new_calibration(
        id=name, mm_per_px_x=x, mm_per_px_y=y, source="target", target=found, camera=camera
    )
    _write(made, out, json_file)


def show(
    file: Annotated[Path, typer.Argument(help="A calibration.", show_default=False)],
    name: Annotated[str | None, typer.Option("--id", help="The id that it must have.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Show a calibration."""
    from flawscope.inspect.calibration import load_calibration

    stored = load_calibration(file)
    if name is not None:
        stored.require_id(name)
    emit_json("calibration", 1, stored.to_json(), json_file)
    _tell(stored, json_file)


def _write(made: Calibration, out: Path, json_file: str | None) -> None:
    from flawscope.errors import UsageError

    if out.exists():
        raise UsageError(
            "is there already", where=out, remedy="Choose another name with --out, or delete it first"
        )
    made.save(out)
    emit_json("calibration", 1, made.to_json(), json_file)
    _tell(made, json_file)
    largest = max(made.mm_per_px_x, made.mm_per_px_y)
    if largest > _UNUSUAL_MM:
        print(f"note: {largest:g} mm a pixel is very coarse: are these millimetres?", file=sys.stderr)
    console(json_file).print(f"Calibration: {out}", markup=False)


def _tell(calibration: Calibration, json_file: str | None) -> None:
    say = console(json_file)
    say.print(
        f"{calibration.id}: a pixel is {calibration.mm_per_px_x:.6g} mm wide "
        f"and {calibration.mm_per_px_y:.6g} mm high "
        f"({calibration.source}, {calibration.date})",
        markup=False,
    )
    if calibration.line_scan is not None:
        scan = calibration.line_scan
        say.print(f"{scan.line_rate_hz:g} rows a second at {scan.speed_mm_per_s:g} mm a second", markup=False)
    if calibration.target is not None:
        seen = calibration.target
        say.print(
            f"{seen.pattern} of {seen.points[0]}x{seen.points[1]}, {seen.pitch_mm:g} mm apart, in {seen.picture}: "
            f"residual {seen.residual_px:.2f} pixels, scale within {seen.spread:.2%} over the field",
            markup=False,
        )
    if calibration.camera:
        say.print(calibration.camera, markup=False)
