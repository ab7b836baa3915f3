"""The verb ``data``: find, fetch, check, split, convert and draw datasets."""

from __future__ import annotations

import typer

from flawscope.cli import data_check, data_synth


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    data_app = typer.Typer(help="Find, fetch, check, split, convert and draw datasets.", no_args_is_help=True)
    data_check.register(data_app)
    data_synth.register(data_app)
    app.add_typer(data_app, name="data")
