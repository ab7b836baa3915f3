"""What results are of, in words: images, strips or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flawscope.inspect.tables import Record


def number_of(count: int, noun: str) -> str:
    """Such as ``1 image`` or ``3,000 images``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def is_strip(record: Record) -> bool:
    """Whether a record is of a strip, inspected row by row."""
    return "strip" in record.get("files", {})


def noun_of(records: Sequence[Record]) -> str:
    """``strip`` where there is nothing else, ``image`` otherwise."""
    return "strip" if records and all(map(is_strip, records)) else "image"


def counted(records: Sequence[Record]) -> str:
    """Such as ``3 images``, ``1 strip (100,000 rows)`` or ``2 images and 1 strip (100,000 rows)``."""
    rows = [record["height"] for record in records if is_strip(record)]
    images = len(records) - len(rows)
    parts = []
    if images or not rows:
        parts.append(number_of(images, "image"))
    if rows:
        parts.append(f"{number_of(len(rows), 'strip')} ({number_of(sum(rows), 'row')})")
    return " and ".join(parts)


def skipped_in_words(background: Mapping[str, Any]) -> str:
    """Such as ``120 of 4,000 tiles skipped as background (level -1), seen by nobody``."""
    skipped, tiles, level = (background[name] for name in ("skipped", "tiles", "level"))
    return f"{skipped:,} of {tiles:,} tiles skipped as background (level {level:g}), seen by nobody"


def length_m(records: Sequence[Record]) -> float | None:
    """Metres of strips together; None where one has no calibration."""
    total = 0.0
    for record in filter(is_strip, records):
        if record.get("calibration") is None:
            return None
        total += record["height"] * record["calibration"]["mm_per_px_y"] / 1000
    return total
