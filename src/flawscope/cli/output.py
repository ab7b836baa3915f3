"""What every verb shares for talking: the console, and ``--json``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flawscope import __version__
from flawscope.outputs import check_writable, dumps, write_json


def _writable(target: str | None) -> str | None:
    if target is not None and target != "-":
        check_writable(target)
    return target


JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=_writable,
        help="Also write the report as JSON; '-' is standard output.",
    ),
]


def console(json_target: str | None = None) -> Console:
    """Where people read: standard output, or standard error when JSON takes standard output."""
    return Console(stderr=json_target == "-", highlight=False, soft_wrap=True)


def emit_json(kind: str, version: int, payload: Mapping[str, Any], target: str | None) -> None:
    """Write ``payload`` as a versioned report, if ``--json`` was given.

    Args:
        kind: name of the report; its schema becomes ``flawscope/<kind>/<version>``.
        version: raised whenever a field changes its meaning or goes.
        payload: the report.
        target: a file, ``"-"`` for standard output, or None for nothing.
    """
    if target is None:
        return
    report = {"schema": f"flawscope/{kind}/{version}", "flawscope_version": __version__, **payload}
    if target == "-":
        sys.stdout.write(dumps(report) + "\n")
    else:
        write_json(target, report)


def progress_bar() -> Progress:
    """A bar with counts and the time left, on standard error, shown only in a terminal."""
    screen = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
        redirect_stdout=False,
    )
