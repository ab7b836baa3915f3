"""The rows of a strip as they are read, with a digest of all of them: resuming goes on only in the same strip."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flawscope.errors import UsageError
from flawscope.images import Image
from flawscope.inspect.strip_source import RowSource, Stored

_AT_A_TIME = 512


class SeenRows:
    """Reads a strip from top to bottom and compares it with what an earlier run saw of it.

    Rows that are passed over are read too, for the digest; it costs seconds a GiB.

    Args:
        source: the rows.
        before: what :meth:`to_json` said when they were recorded; empty at the beginning.
        folder: where they were recorded, for the complaint.
        keep: told all rows as they are stored, those that are passed over too.
    """

    def __init__(
        self,
        source: RowSource,
        before: Mapping[str, Any],
        folder: Path,
        keep: Callable[[Stored], None] | None = None,
    ) -> None:
        self._source, self._folder, self._keep = source, folder, keep
        self._expected_rows, self._expected = before.get("rows", 0), before.get("sha256")
        self._rows, self._digest = 0, hashlib.sha256()

    def read(self, start: int, stop: int) -> Image:
        """As :meth:`flawscope.inspect.strip_source.RowSource.read`, of rows below those that were read.

        Raises:
            ImageError: the rows cannot be used.
            UsageError: they are not those of the earlier run, or end before them.
        """
        self.pass_over(start)
        return self._source.shown(self._take(stop), start)

    def pass_over(self, row: int) -> None:
        """Read up to ``row``, for the digest only; raises as :meth:`read`."""
        while self._rows < row and len(self._take(min(self._rows + _AT_A_TIME, row))):
            pass

    def pass_over_earlier(self) -> None:
        """Read all that the earlier run read; raises as :meth:`read`."""
        self.pass_over(self._expected_rows)

    def to_json(self) -> dict[str, Any]:
        """How many rows were read, and the digest of them all."""
        return {"rows": self._rows, "sha256": self._digest.hexdigest()}

    def _take(self, stop: int) -> Stored:
        """The next rows; a piece that reaches beyond those of the earlier run is compared where these end."""
        start = self._rows
        stored = self._source.stored(start, stop)
        self._rows += len(stored)
        known = max(self._expected_rows - start, 0)
        self._digest.update(stored[:known].tobytes())
        if self._rows < min(stop, self._expected_rows):
            self._refuse(f"it ends after {self._rows:,} rows, and {self._expected_rows:,} were read then")
        if start < self._expected_rows <= self._rows and self._digest.hexdigest() != self._expected:
            self._refuse(f"its first {self._expected_rows:,} rows are others")
        self._digest.update(stored[known:].tobytes())
        if self._keep is not None:
            self._keep(stored)
        return stored

    def _refuse(self, why: str) -> None:
        raise UsageError(
            f"not the strip that was begun in {self._folder}: {why}",
            where=self._source.name,
            remedy="Resume with the same strip, begin again with --overwrite, or choose another --out",
        )
