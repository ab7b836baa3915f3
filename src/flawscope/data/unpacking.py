"""Unpacking archives of strangers: nothing leaves the target, nothing fills the disk."""

from __future__ import annotations

import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from flawscope.data.download import silent
from flawscope.errors import DownloadError
from flawscope.outputs import output_error

_CHUNK = 1 << 20
_SMALL = 20_000_000
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an archive may hold.

    Attributes:
        bytes: all files together, unpacked.
        files: number of files.
        ratio: unpacked bytes a packed byte, beyond the first 20 MB; more is a bomb.
    """

    bytes: int = 60_000_000_000
    files: int = 500_000
    ratio: float = 200.0


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(
    archive: Path,
    out: Path,
    *,
    inside: str = "",
    bounds: Bounds | None = None,
    progress: Callable[[int, int], None] = silent,
) -> int:
    """Unpack a zip or tar archive into the new folder ``out``, whole or not at all.

    A single top folder, as source archives have, is left away.

    Args:
        archive: the file.
        out: must not exist, or be empty.
        inside: only this folder of the archive, below its top folder.
        bounds: limits.
        progress: called with files done and files in all.

    Returns:
        The number of files written.

    Raises:
        DownloadError: not an archive, damaged, encrypted, too large, or with a member that is a link, a device, or
            leads out of the target. Nothing is left behind.
        OutputError: the disk is full or not writable.
    """
    bounds = bounds or Bounds()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
            with _members(archive, bounds) as members:
                chosen = _choose(members, inside, archive)
                _write(chosen, Path(temporary) / "content", archive, bounds, progress)
            if out.is_dir():
                out.rmdir()
            (Path(temporary) / "content").replace(out)
            return len(chosen)
    except _DAMAGE as error:
        raise _refuse(archive, f"is damaged or not an archive ({error})", "Fetch it again") from error
    except OSError as error:
        if error.errno is None:  # what decompressors raise for bad data
            raise _refuse(archive, f"is damaged ({error})", "Fetch it again") from error
        raise output_error(error, out) from error


def _refuse(archive: Path, what: str, remedy: str) -> DownloadError:
    return DownloadError(what, where=archive, remedy=remedy)


@contextmanager
def _members(archive: Path, bounds: Bounds) -> Iterator[list[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield _zip_members(opened, archive, bounds)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened_tar:
            yield _tar_members(opened_tar, archive, bounds)
    else:
        raise _refuse(archive, "is neither a zip nor a tar archive", "Check the address it came from")


def _zip_members(opened: zipfile.ZipFile, archive: Path, bounds: Bounds) -> list[_Member]:
    members: list[_Member] = []
    for info in opened.infolist():
        _check_name(info.filename, archive)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _unsafe(archive, info.filename, "is a link or a device")
        if info.is_dir():
            continue
        if info.flag_bits & 1:
            raise _refuse(archive, "is encrypted", "Unpack it with its password, then open the folder")
        members.append(_Member(info.filename, info.file_size, lambda i=info: opened.open(i)))  # type: ignore[misc]
    return _within(members, archive, bounds)


def _tar_members(opened: tarfile.TarFile, archive: Path, bounds: Bounds) -> list[_Member]:
    members: list[_Member] = []
    for info in opened:
        _check_name(info.name, archive)
        if info.isdir():
            continue
        if not info.isreg():
            raise _unsafe(archive, info.name, "is a link or a device")

        def start(info: tarfile.TarInfo = info) -> IO[bytes]:
            content = opened.extractfile(info)
            assert content is not None, "regular members have content"
            return content

        members.append(_Member(info.name, info.size, start))
        _within(members, archive, bounds)
    return members


def _check_name(name: str, archive: Path) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or (path.parts and ":" in path.parts[0]):
        raise _unsafe(archive, name, "leads out of the target folder")


def _unsafe(archive: Path, name: str, why: str) -> DownloadError:
    return _refuse(archive, f"was not unpacked: its member '{name}' {why}", "Do not trust this archive")


def _within(members: list[_Member], archive: Path, bounds: Bounds) -> list[_Member]:
    if len(members) > bounds.files:
        raise _refuse(archive, f"holds more than {bounds.files:,} files", "Do not trust this archive")
    _check_bytes(sum(member.size for member in members), archive, bounds)
    return members


def _check_bytes(total: int, archive: Path, bounds: Bounds) -> None:
    if total > bounds.bytes:
        raise _refuse(archive, f"unpacks to more than {bounds.bytes / 1e9:g} GB", "Do not trust this archive")
    if total > _SMALL and total > bounds.ratio * max(1, archive.stat().st_size):
        raise _refuse(
            archive, f"unpacks to over {bounds.ratio:g} times its size (a bomb)", "Do not trust this archive"
        )


def _choose(members: list[_Member], inside: str, archive: Path) -> list[_Member]:
    """Members of one folder, with names relative to it."""
    kept = [m for m in members if not _is_litter(m.name)]
    tops = {PurePosixPath(member.name).parts[0] for member in kept}
    nested = all(len(PurePosixPath(member.name).parts) > 1 for member in kept)
    top = next(iter(tops)) if len(tops) == 1 and nested else ""
    folder = PurePosixPath(top, inside)
    chosen = [
        _Member(PurePosixPath(m.name).relative_to(folder).as_posix(), m.size, m.open)
        for m in kept
        if PurePosixPath(m.name).is_relative_to(folder)
    ]
    if len({member.name for member in chosen}) < len(chosen):
        raise _refuse(archive, "holds two files of one name", "Do not trust this archive")
    if not chosen:
        what = f"has no folder '{inside}'" if inside else "is empty"
        raise _refuse(archive, what, "It is not the archive that was expected; check the address")
    return chosen


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or parts[0] == "__MACOSX" or parts[-1] in (".DS_Store", "Thumbs.db")


def _write(
    members: list[_Member], folder: Path, archive: Path, bounds: Bounds, progress: Callable[[int, int], None]
) -> None:
    folder.mkdir()
    written = 0
    for number, member in enumerate(members, start=1):
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("xb") as copy:
            # Sizes in an archive's index may lie, so what really comes out is counted.
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                _check_bytes(written, archive, bounds)
                copy.write(chunk)
        progress(number, len(members))
