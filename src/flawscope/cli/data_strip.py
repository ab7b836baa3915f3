"""The verb ``data strip``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.errors import UsageError


def register(data_app: typer.Typer) -> None:
    """Add the verb to ``flawscope data``."""
    data_app.command("strip")(strip)


def strip(
    out: Annotated[Path, typer.Option(help="The .tif to write.")],
    metres: Annotated[float, typer.Option(help="Length of the strip.", min=0.001)] = 50.0,
    mm_per_px: Annotated[float, typer.Option("--mm-per-px", help="Size of a pixel, both ways.")] = 0.5,
    width: Annotated[int, typer.Option(help="Columns, pixels.", min=1)] = 1024,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.", min=0)] = 0,
    surface: Annotated[str, typer.Option(help="steel, rail or tile.")] = "steel",
    density: Annotated[
        float, typer.Option(help="Share of the stretches of 512 rows with a defect.", min=0, max=1)
    ] = 0.3,
    json_target: JsonOption = None,
) -> None:
    """Draw a long strip as a line-scan camera sees it, with a scratch over a quarter of it and other defects.

    Writes an uncompressed grey TIFF. What is on it, and where, is told by --json.
    """
    from flawscope.data.synthetic.strip import write_strip
    from flawscope.inspect.counted import number_of

    if not mm_per_px > 0:
        raise UsageError("a pixel has a size above 0", where=f"--mm-per-px {mm_per_px:g}")
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise UsageError("a strip is written as TIFF", where=out, remedy="Give --out FILE.tif")
    rows = max(1, round(1e3 * metres / mm_per_px))
    with progress_bar() as bar:
        task = bar.add_task("Drawing rows", total=rows)
        drawn = write_strip(
            out,
            rows,
            width,
            seed=seed,
            surface=surface,
            density=density,
            advance=lambda done: bar.advance(task, done),
        )
    console(json_target).print(
        f"{out}: {number_of(rows, 'row')} of {width:,} px, {metres:g} m, {number_of(len(drawn), 'defect')} drawn",
        markup=False,
    )
    payload = {"strip": out, "rows": rows, "width": width, "mm_per_px": mm_per_px, "defects": drawn}
    emit_json("data-strip", 1, payload, json_target)
