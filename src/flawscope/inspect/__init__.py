"""From images to a folder of results and a page that a person reads."""

from __future__ import annotations

from flawscope.inspect.batch import Outcome, Settings, inspect_all, summary, tally
from flawscope.inspect.folder import ResultFolder, Wanted, open_results, read_results
from flawscope.inspect.reduction import Reductions
from flawscope.inspect.report import write_report
from flawscope.inspect.sources import Found, Item, find_sources, items
from flawscope.inspect.tones import ToneNotes

__all__ = [
    "Found",
    "Item",
    "Outcome",
    "Reductions",
    "ResultFolder",
    "Settings",
    "ToneNotes",
    "Wanted",
    "find_sources",
    "inspect_all",
    "items",
    "open_results",
    "read_results",
    "summary",
    "tally",
    "write_report",
]
