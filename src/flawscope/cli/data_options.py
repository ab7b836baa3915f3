"""The options of every verb that takes a part of a labelled dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SplitsOption = Annotated[Path | None, typer.Option("--splits", metavar="FILE", help="A split file.")]
TestSplitOption = Annotated[
    str | None,
    typer.Option("--split", help="Which split; 'all' for every image. Default: test, where there is one."),
]
ValidationSplitOption = Annotated[
    str | None,
    typer.Option("--split", help="Which split; 'all' for every image. Default: val, where there is one."),
]
LayoutOption = Annotated[
    str, typer.Option("--layout", help="Name of the dataset's layout; see 'flawscope data list'.")
]
