"""A file of JSON objects, one a line, that a killed program leaves with at most its last line torn."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from flawscope.errors import OutputError
from flawscope.outputs import dumps, output_error


def append_line(path: Path, payload: Mapping[str, Any]) -> None:
    """Add one line, whole or not at all.

    Raises:
        OutputError: it could not be written.
    """
    try:
        with path.open("ab", buffering=0) as opened:
            size, rest = opened.tell(), memoryview((dumps(payload, indent=None) + "\n").encode("utf-8"))
            try:
                while rest:
                    rest = rest[opened.write(rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    opened.truncate(size)
                raise
    except OSError as error:
        raise output_error(error, path) from error


def read_lines(path: Path, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """The objects, each with at least ``names``; a last line that was cut short is left out.

    Raises:
        OutputError: a line before the last is no such object.
    """
    return (payload for payload, _ in _with_ends(path, names))


def mend_lines(path: Path, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """As :func:`read_lines`; after the last one the file ends with a whole line, so that it can be added to."""
    end = 0
    for payload, reached in _with_ends(path, names):
        yield payload
        end = reached
    with path.open("r+b") as opened:
        opened.truncate(end)
        if end:
            opened.seek(end - 1)
            if opened.read(1) != b"\n":
                opened.write(b"\n")


def _with_ends(path: Path, names: Collection[str]) -> Iterator[tuple[dict[str, Any], int]]:
    end = 0
    # bytes: a line may be cut inside a character, and names may hold what text files take for line ends
    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            try:
                payload = json.loads(line)
                for name in names:
                    payload[name]
            except (ValueError, KeyError, TypeError) as error:
                if not opened.read().strip(b"\n"):
                    return
                raise OutputError(
                    f"line {number} is not a result", where=path, remedy="Begin again with --overwrite"
                ) from error
            end += len(line)
            yield payload, end
