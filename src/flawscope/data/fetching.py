"""From a name in the catalogue to a folder that opens: download, unpack, read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flawscope.data.catalogue import PublicSet
from flawscope.data.download import Limits, Progress, download, silent
from flawscope.data.layouts import LAYOUTS
from flawscope.data.samples import SegmentationData
from flawscope.data.unpacking import Bounds, unpack
from flawscope.errors import DataError, DownloadError, UsageError


def already_there(entry: PublicSet, out: Path) -> SegmentationData | None:
    """The dataset, if ``out`` holds it."""
    layout = LAYOUTS[entry.layout]
    return layout.read(out) if out.is_dir() and layout.recognise(out) is not None else None


def fetch(
    entry: PublicSet,
    out: Path,
    *,
    url: str | None = None,
    limits: Limits | None = None,
    bounds: Bounds | None = None,
    keep_archive: bool = False,
    progress: Progress = silent,
    unpacking: Callable[[int, int], None] = silent,
) -> SegmentationData:
    """Download, unpack and open a public dataset.

    Args:
        entry: of the catalogue.
        out: the folder to make; the archive lies beside it meanwhile.
        url: another address of the same archive, or an archive file already on this machine.
        limits: of the download.
        bounds: of the archive.
        keep_archive: leave the archive where it is.
        progress: called as bytes arrive.
        unpacking: called as files are written.

    Raises:
        UsageError: ``out`` is not empty, or the set cannot be fetched by a program.
        DownloadError: it could not be fetched, or what came is not this dataset.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is not empty", where=out, remedy="Choose a new folder with --out")
    address = url or entry.url
    if address is None:
        raise UsageError(
            "cannot be fetched by a program", where=entry.source, remedy="Follow the steps above"
        )
    local = Path(address)
    if local.is_file():
        archive, keep_archive = local, True
    else:
        archive = out.with_name(f"{out.name}.download")
        if not archive.exists():
            download(address, archive, limits=limits, progress=progress)
    try:
        unpack(
            archive,
            out,
            inside="" if entry.access != "open" else entry.inside,
            bounds=bounds,
            progress=unpacking,
        )
    except DownloadError:
        if not keep_archive:
            archive.unlink(missing_ok=True)
        raise
    if not keep_archive:
        archive.unlink(missing_ok=True)
    try:
        data = already_there(entry, out)
    except DataError as error:
        raise DownloadError(f"unpacked, but {error.what}", where=out) from error
    if data is None:
        raise DownloadError(
            f"unpacked, but it does not look like '{entry.layout}'",
            where=out,
            remedy=f"Expected {LAYOUTS[entry.layout].description}; compare with {entry.source}",
        )
    return data
