"""The command ``flawscope``: parse, build settings, call, print. One file a verb group."""

from __future__ import annotations

from flawscope.cli.app import main

__all__ = ["main"]
