"""The verb ``fewshot``: the few-shot study, its page, and the short path from a few photographs to an enhancer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.fewshot_learn import learn
from flawscope.cli.fewshot_run import run
from flawscope.cli.lists import listed
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.sdie.choices import Choice


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    fewshot = typer.Typer(
        help="Learn from 1 to 5 labelled images, and measure how well that works.", no_args_is_help=True
    )
    fewshot.command("learn")(learn)
    fewshot.command("run")(run)
    fewshot.command("report")(report)
    app.add_typer(fewshot, name="fewshot")


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of 'flawscope fewshot run'.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("fewshot.html"),
    choice: Annotated[Choice | None, typer.Option(help="Which round is shown and compared.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Whose pictures are shown. Default: td3, else cma, else another.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="The table of these classes alone, with commas between them.")
    ] = None,
    splits: Annotated[
        list[Path] | None,
        typer.Option(
            help="A split file whose groups say which images show one physical piece; intervals draw pieces. "
            "Repeatable."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Write one page of a study: table, pictures of each class, return curves.

    --json holds the table of every finished row, as that of 'run' does of the rows it was told to make. With
    --classes the figures of page and table are those of these classes; what a row cost is told for all its classes.
    """
    from flawscope.fewshot.page import write_page
    from flawscope.fewshot.part import of_classes
    from flawscope.fewshot.settings import DEFAULT_CHOICE
    from flawscope.fewshot.store import RunFolder
    from flawscope.fewshot.table import table

    shown, kept = DEFAULT_CHOICE if choice is None else choice, RunFolder(folder)
    rows, settings = kept.finished(), kept.settings()
    if classes is not None:
        settings["classes"] = listed(classes)
        rows = of_classes(rows, settings["classes"])
    report = table(rows, shown, splits or ())
    written = write_page(out, kept, rows, report, method)
    told = {
        "settings": settings,
        "seeds": len({row.facts["seed"] for row in rows}),
        **report,
    }
    emit_json("fewshot", 1, told, json_file)
    console(json_file).print(f"written to {written}", markup=False)
