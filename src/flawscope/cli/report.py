"""The verb ``report``: the page of a folder of results, made anew, and the same as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("report")(report)


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What an inspection has written.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The page. Default: report.html in the folder.")] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the defects as Parquet; needs the extra [parquet]."),
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "Surface inspection",
    json_file: JsonOption = None,
) -> None:
    """Write the report of results that are there, images or a strip.

    Pictures are read again from where the images were; those that are gone are left out, and the page says so.
    """
    from flawscope.inspect import tally, write_report
    from flawscope.inspect.counted import counted
    from flawscope.inspect.folder import REPORT
    from flawscope.inspect.parquet import check_parquet, write_parquet
    from flawscope.inspect.stored_results import read_stored
    from flawscope.outputs import check_writable

    page = folder / REPORT if out is None else out
    if parquet is not None:
        check_parquet()
        check_writable(parquet)
    stored = read_stored(folder)
    check_writable(page)
    write_report(
        page,
        stored.records,
        None,
        weights=stored.weights,
        settings=stored.settings,
        failures=stored.problems,
        title=title,
        page=stored.page,
        white=stored.white,
    )
    if parquet is not None:
        write_parquet(parquet, stored.records)
    counts = tally(stored.records)
    in_part = sum("in_part" in record for record in stored.records)
    told = {**counts, "in_part": in_part, "failures": stored.problems}
    emit_json("report", 1, {**told, "report": page, "parquet": parquet}, json_file)
    screen = console(json_file)
    defects = sum(counts["defects"].values())
    line = f"{counted(stored.records)}, {defects} defect{'s' * (defects != 1)}"
    for many, what in ((in_part, "inspected in part"), (len(stored.problems), "not inspected")):
        if many:
            line += f"; {many} {what}"
    screen.print(line, markup=False)
    for name, file in (("Report:  ", page), ("Parquet: ", parquet)):
        if file is not None:
            screen.print(f"{name}{file}", markup=False)
