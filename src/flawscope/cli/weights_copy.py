"""A copy of the weights with something new in its header, for the verbs that choose it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.segment import Segmenter
    from flawscope.segment.loading import LoadedSegmenter


def carrier(segmenter: Segmenter, what: str, *, option: str, remedy: str) -> LoadedSegmenter:
    """The segmenter as the weights file that it is.

    Args:
        segmenter: any.
        what: what the file is to carry, ``"a threshold"``.
        option: who asks.
        remedy: what to do instead.

    Raises:
        UsageError: it is no weights file.
    """
    from flawscope.errors import UsageError
    from flawscope.segment.loading import LoadedSegmenter

    if not isinstance(segmenter, LoadedSegmenter):
        raise UsageError(
            f"'{segmenter.name}' is no weights file that could carry {what}", where=option, remedy=remedy
        )
    return segmenter


def check_copy(weights: LoadedSegmenter, copy: Path) -> None:
    """Raise UsageError or OutputError unless the weights can be copied there with another header."""
    from flawscope.outputs import check_writable
    from flawscope.segment.header_writing import check_format

    check_format(weights.path, copy)
    check_writable(copy)


def write_copy(weights: LoadedSegmenter, copy: Path, reason: str, why: dict[str, Any], **fields: Any) -> None:
    """Copy the weights with new header fields, and say in their provenance why.

    Args:
        weights: what to copy.
        copy: where to.
        reason: key of ``why`` in the provenance.
        why: plain values; what the fields were before is added.
        fields: of :class:`flawscope.segment.header.Header`.
    """
    from flawscope.segment.header_writing import write_with_header

    old = weights.header
    before = {name: getattr(old, name) for name in fields}
    told = {**why, "before": next(iter(before.values())) if len(before) == 1 else before}
    header = old.model_copy(update={**fields, "provenance": {**old.provenance, reason: told}})
    write_with_header(weights.path, header, copy)
