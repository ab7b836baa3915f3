"""The verb ``offline``: a folder from which a machine without a network is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("offline")(offline)


def offline(
    out: Annotated[Path, typer.Option(help="A new folder; take it to the line PC.", show_default=False)],
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Exported weights, or an exported enhancer, to take along; repeatable."),
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="Python of the line PC, such as 3.12. Default: as here.")
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(help="Tag of its wheels, such as win_amd64; repeatable. Default: as here."),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Collect wheels and weights in a folder from which a line PC is installed without a network.

    There: python FOLDER/install.py
    """
    from flawscope.offline.bundle import make_bundle

    screen = console(json_file)
    made = make_bundle(
        out,
        weights or (),
        python=python,
        platforms=platform or (),
        tell=lambda line: screen.print(line, markup=False),
    )
    emit_json("offline", 1, made.to_json(), json_file)
    screen.print(
        f"{out}: {len(made.wheels)} wheels, {len(made.weights)} weights files, {made.size / 2**20:.0f} MiB, "
        f"for Python {made.python}",
        markup=False,
    )
    screen.print(f"on the line PC: python {out.name}/install.py --into flawscope", markup=False)
