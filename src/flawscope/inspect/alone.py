"""One program at a time in a folder, also after a kill: the system frees the lock with the program."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from flawscope.errors import UsageError
from flawscope.outputs import output_error

LOCK = ".lock"


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it is not there.

    Raises:
        UsageError: another program holds it.
        OutputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / LOCK).open("ab")
    except OSError as error:
        raise output_error(error, folder) from error
    with opened:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(opened.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                "another flawscope watch writes here",
                where=folder,
                remedy="Let it end, or choose another --out",
            ) from error
        yield
