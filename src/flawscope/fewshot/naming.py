"""What to call the methods of a study's rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from flawscope.fewshot.store import FinishedRow


def method_names(rows: Sequence[FinishedRow]) -> list[str]:
    """The method of each row; folders of maps that have one name are told apart by the folders above them."""
    parts = {row.facts["maps"]: PurePath(row.facts["maps"]).parts for row in rows if row.facts.get("maps")}
    distinct, needed = len(set(parts.values())), 1
    while len({part[-needed:] for part in parts.values()}) < distinct:
        needed += 1
    names = {folder: f"maps:{'/'.join(part[-needed:])}" for folder, part in parts.items()}
    return [names.get(row.facts.get("maps"), row.facts["method"]) for row in rows]
