"""Which images show one physical piece: they are one piece of evidence, and are drawn again together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from flawscope.data.splits import read_splits
from flawscope.errors import DataError
from flawscope.fewshot.store import FinishedRow

Pieces = dict[tuple[str, str], str]
"""By class and image: the piece it shows. An image without one is a piece of its own."""


def pieces_of(rows: Iterable[FinishedRow], files: Sequence[Path] = ()) -> Pieces:
    """What rows know from their manifest (``group`` of an entry), and what split files add.

    Args:
        rows: finished ones.
        files: split files whose entries have a ``group``; an image of a row is theirs whose path ends with theirs.

    Raises:
        DataError: a file that is no split file, or that groups no image of the rows.
    """
    scores = [one for row in rows for many in row.scores.values() for one in many]
    found: Pieces = {(one["class"], one["image"]): one["piece"] for one in scores if "piece" in one}
    images = {(one["class"], one["image"]) for one in scores}
    for file in files:
        groups = {
            PurePosixPath(entry.image).with_suffix("").parts: f"{file.stem}/{entry.group}"
            for entries in read_splits(file).splits.values()
            for entry in entries
            if entry.group is not None
        }
        told = {key: piece for key in images if (piece := _ending(key[1], groups)) is not None}
        if not told:
            raise DataError(
                "groups no image of the study",
                where=file,
                remedy="Give a split file whose entries have a 'group' and name the study's images",
            )
        found |= told
    return found


def _ending(image: str, groups: dict[tuple[str, ...], str]) -> str | None:
    parts = PurePosixPath(image).parts
    for start in range(len(parts)):
        if parts[start:] in groups:
            return groups[parts[start:]]
    return None
