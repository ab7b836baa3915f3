"""What could not be inspected, kept beside the results: one line a source, which goes when the source succeeds.

::

    out/failures.jsonl    ``source``, ``error``; of a strip that was inspected in part also its ``record``
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.errors import FlawscopeError
from flawscope.inspect.json_lines import append_line, read_lines
from flawscope.inspect.tables import Record
from flawscope.outputs import dumps, output_error, write_text

FAILURES = "failures.jsonl"
_NAMES = ("source", "error")


@dataclass(frozen=True, slots=True)
class Failure:
    """One image or strip that was not inspected, or not to its end.

    Attributes:
        source: which.
        error: why, in one line.
        argument: whether the source is what somebody typed and nothing was found under; it stands for one run.
        record: of a strip that ended early what was found until then, in the form of ``results.jsonl``.
    """

    source: str
    error: str
    argument: bool = False
    record: Record | None = None

    def to_json(self) -> dict[str, Any]:
        """Its line."""
        more: dict[str, Any] = {"argument": True} if self.argument else {}
        if self.record is not None:
            more["record"] = self.record
        return {"source": self.source, "error": self.error, **more}


def read_failures(root: Path, done: Collection[str] = ()) -> dict[str, Failure]:
    """The failures of a folder of results by source, without those that are ``done``; the latest of each stands.

    Raises:
        OutputError: a line before the last is no failure.
    """
    if not (root / FAILURES).is_file():
        return {}
    found = {
        line["source"]: Failure(
            line["source"], line["error"], line.get("argument", False), line.get("record")
        )
        for line in read_lines(root / FAILURES, _NAMES)
    }
    return {source: failure for source, failure in found.items() if source not in done}


class Failures:
    """The failures of a folder that is being written.

    Args:
        root: the folder.
        earlier: failures of runs before.
    """

    def __init__(self, root: Path, earlier: Iterable[Failure] = ()) -> None:
        self._path = root / FAILURES
        self._found = {failure.source: failure for failure in earlier if not failure.argument}

    def add(
        self, source: str, error: FlawscopeError, *, argument: bool = False, record: Record | None = None
    ) -> None:
        """Remember a failure, also beyond the end of this program.

        Raises:
            OutputError: it could not be written.
        """
        self._found.pop(source, None)
        self._found[source] = Failure(source, str(error), argument, record)
        append_line(self._path, self._found[source].to_json())

    def drop(self, source: str) -> None:
        """A source that is done after all."""
        self._found.pop(source, None)

    def write(self) -> None:
        """Write those that still stand; without any there is no file.

        Raises:
            OutputError: it could not be written.
        """
        if self._found:
            lines = (dumps(failure.to_json(), indent=None) + "\n" for failure in self._found.values())
            write_text(self._path, "".join(lines))
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(error, self._path) from error

    @property
    def lines(self) -> list[str]:
        """One for each that was not inspected at all."""
        return [failure.error for failure in self._found.values() if failure.record is None]

    @property
    def in_part(self) -> list[Record]:
        """Records of strips that were inspected in part."""
        return [failure.record for failure in self._found.values() if failure.record is not None]

    def besides(self, sources: Iterable[str]) -> int:
        """How many there are of other sources than these."""
        return len(self._found.keys() - set(sources))

    def __len__(self) -> int:
        return len(self._found)
