"""Which part of a dataset a verb means where ``--split`` is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flawscope.data.samples import SegmentationData


def tested_part(everything: SegmentationData, split: str | None) -> SegmentationData:
    """The named split, ``all``, or the split ``test``; everything where nothing is divided.

    Raises:
        UsageError: none was named and there is no ``test``.
        DataError: no such split.
    """
    from flawscope.errors import UsageError

    if split == "all" or (split is None and not everything.splits):
        return everything
    if split is None and "test" not in everything.splits:
        known = ", ".join(everything.splits)
        raise UsageError(
            f"the dataset has no split named 'test' (there are: {known})",
            remedy="Name one with --split, or give --split all",
        )
    return everything.split(split or "test")


def validated_part(everything: SegmentationData, split: str | None) -> SegmentationData:
    """The named split, ``all``, or the split ``val``; everything where nothing is divided.

    Raises:
        UsageError: none was named and there is no ``val``.
        DataError: no such split.
    """
    from flawscope.errors import UsageError

    if split == "all" or (split is None and not everything.splits):
        return everything
    if split is not None:
        return everything.split(split)
    name = next((name for name in ("val", "validation") if name in everything.splits), None)
    if name is None:
        raise UsageError(
            f"the dataset has no split named 'val' (there are: {', '.join(everything.splits)})",
            where="--split",
            remedy="Name one whose images trained nothing, or make splits with 'flawscope data split'",
        )
    return everything.split(name)
