"""Writing results so that nothing half-written ever stands under a final name."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flawscope.errors import OutputError

_SURROGATES = "backslashreplace"
"""Python keeps bytes of file names that are no UTF-8 as lone surrogates, which UTF-8 cannot hold; JSON reads the
escape back as the same name."""

_REMEDIES = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT),
        "Free some space or write elsewhere, then run the same command again",
    ),
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR),
        "A file stands where a folder is needed: move it away or choose another path",
    ),
    errno.EISDIR: "A folder of this name is there: choose another path",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "You may not write there: change the permissions or choose another path",
    ),
    errno.ENAMETOOLONG: "Choose a shorter path",
}


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name only when the block ends well.

    The temporary name keeps the suffix, so that writers which choose a format by suffix work.

    Raises:
        OutputError: the folder cannot be made, the disk is full, or writing is not permitted.
    """
    final = Path(path)
    temporary: Path | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.parent / f".{final.stem[:80]}-{secrets.token_hex(4)}{final.suffix}"
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        temporary.replace(final)
        temporary = None
    except OSError as error:
        raise output_error(error, final) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def check_writable(path: str | Path, *, folder: bool = False) -> None:
    """Find out before the work, not after it, that ``path`` could not be written; leaves nothing behind.

    Args:
        path: need not be there yet, nor the folders it lies in.
        folder: whether a folder is to be written, instead of a file.

    Raises:
        OutputError: it is of the other kind, a file stands where a folder is needed, or writing is not permitted.
    """
    wanted = Path(path)
    try:
        if wanted.exists() and wanted.is_dir() != folder:
            number = errno.EEXIST if folder else errno.EISDIR
            raise OSError(number, os.strerror(number))
        places = (wanted, *wanted.parents) if folder else wanted.parents
        there = next((place for place in places if place.exists()), Path())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise output_error(error, path) from error


def output_error(error: OSError, path: str | Path) -> OutputError:
    """The typed error for an ``OSError`` met while writing ``path``."""
    reason = error.strerror or str(error)
    return OutputError(
        f"could not write: {reason.lower()}",
        where=path,
        remedy=_REMEDIES.get(error.errno or 0, "Choose another place to write to"),
    )


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write ``content`` under ``path``, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 ``text`` with ``\\n`` line ends under ``path``, whole or not at all.

    Bytes of file names that are no UTF-8 are written as escapes (``\\\\udce4``).
    """
    return write_bytes(path, text.encode("utf-8", _SURROGATES))


def write_json(path: str | Path, payload: Mapping[str, Any]) -> Path:
    """Write ``payload`` as indented JSON, whole or not at all; NaN and infinities become null."""
    return write_text(path, dumps(payload) + "\n")


def dumps(payload: Any, *, indent: int | None = 1) -> str:
    """JSON text of ``payload``; paths become strings, numpy numbers numbers, NaN and infinities null."""
    text = json.dumps(_plain(payload), indent=indent, allow_nan=False, ensure_ascii=False)
    return text.encode("utf-8", _SURROGATES).decode("utf-8")


_PLAIN = frozenset({int, bool, str, type(None)})
"""Lists of these alone, such as the runs of a region, need no look at each value."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        return items if set(map(type, items)) <= _PLAIN else [_plain(item) for item in items]
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
