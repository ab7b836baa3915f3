"""``python -m flawscope``: the command line."""

from __future__ import annotations

from flawscope.cli import main

main()
