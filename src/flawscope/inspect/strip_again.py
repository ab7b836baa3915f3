"""Rows of a strip once more: the latest from memory, those above from the file again, in bounded pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from flawscope.errors import ImageError
from flawscope.images import Image
from flawscope.inspect.strip_source import RowSource, Stored

_HELD_BYTES = 2**25
"""Of the latest rows, as they are stored; most defects end well within them."""

_PIXELS_AT_ONCE = 2**22
"""Of rows that are read from the file again."""


class RowsAgain:
    """Part of a strip as ``rows_again[top:bottom, left:right]``, as if the strip were an image in memory.

    No more is held than the latest rows, the part itself and a piece of the file.

    Args:
        source: one that can be read again.
    """

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self._latest: deque[tuple[int, Stored]] = deque()
        self._rows = self._bytes = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows that were told so far, and the width."""
        return self._rows, self._source.width

    def keep(self, stored: Stored) -> None:
        """Be told the next rows as they are read for the first time."""
        self._latest.append((self._rows, stored))
        self._rows += len(stored)
        self._bytes += stored.nbytes
        while self._bytes > _HELD_BYTES and len(self._latest) > 1:
            self._bytes -= self._latest.popleft()[1].nbytes

    def __getitem__(self, part: tuple[slice, slice]) -> Image:
        """``(rows, columns, 3)``; both slices from a first to before a last.

        Raises:
            ImageError: the file no longer has them.
        """
        rows, columns = part
        pieces = [
            self._source.shown(stored[:, columns], top) for top, stored in self._stored(rows.start, rows.stop)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _stored(self, start: int, stop: int) -> Iterator[tuple[int, Stored]]:
        """Pieces one below the other, and their first rows."""
        held = self._latest[0][0] if self._latest else stop
        at_once = max(1, _PIXELS_AT_ONCE // self._source.width)
        for top in range(start, min(stop, held), at_once):
            bottom = min(stop, held, top + at_once)
            stored = self._source.stored(top, bottom)
            if len(stored) < bottom - top:
                raise ImageError(
                    f"rows {top} to {bottom - 1} were there and can no longer be read",
                    where=self._source.name,
                    remedy="When the whole file is there again, go on with --resume",
                )
            yield top, stored
        for top, stored in self._latest:
            part = stored[max(start - top, 0) : max(stop - top, 0)]
            if len(part):
                yield max(start, top), part
