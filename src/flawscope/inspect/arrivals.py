"""Files that arrive in a folder: which stand still, and which are known already."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flawscope.images import IMAGE_SUFFIXES
from flawscope.inspect.folder import RESULTS


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file looks like from outside; another content has another stamp.

    Attributes:
        size: bytes.
        mtime_ns: when it was last written.
    """

    size: int
    mtime_ns: int


def stamp_of(path: str | Path) -> Stamp | None:
    """The stamp of a file, or None when it is not there any more."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


class Arrivals:
    """Looks into a folder and those below it again and again.

    Hidden files and folders, folders of results and ``out`` are passed over.

    Args:
        root: the folder.
        out: where results go.
        settle: seconds for which a file's size and time must stand still.
    """

    def __init__(self, root: Path, out: Path, settle: float) -> None:
        self.root, self.out, self.settle = root, out.resolve(), settle
        self._waiting: dict[str, tuple[Stamp, float]] = {}

    @property
    def moving(self) -> int:
        """Files that were there at the last look and did not stand still for long enough."""
        return len(self._waiting)

    def ready(self, known: Callable[[str, Stamp], bool]) -> list[tuple[str, Stamp]]:
        """Files that stand still and are not ``known``, the oldest first.

        They are given again at the next look until they are known.
        """
        now = time.monotonic()
        waiting, ready = {}, []
        for path in self._files(self.root):
            stamp = stamp_of(path)
            if stamp is None or known(path, stamp):
                continue
            before, since = self._waiting.get(path, (stamp, now))
            if before != stamp:
                since = now
            waiting[path] = stamp, since
            if now - since >= self.settle:
                ready.append((path, stamp))
        self._waiting = waiting
        return sorted(ready, key=lambda found: (found[1].mtime_ns, found[0]))

    def leave(self, paths: Collection[str]) -> None:
        """These are done and wait no more."""
        for path in paths:
            self._waiting.pop(path, None)

    def _files(self, folder: Path) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return  # gone between two looks
        if any(entry.name == RESULTS for entry in entries):
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if path.resolve() != self.out:
                    yield from self._files(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES and entry.is_file():
                yield path.as_posix()
