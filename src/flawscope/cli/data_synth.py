"""The verb ``data synth``."""

from __future__ import annotations

import typer


def register(data_app: typer.Typer) -> None:
    """Add the verb to ``flawscope data``."""
