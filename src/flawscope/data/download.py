"""Downloading one large file over an unsteady line.

What has arrived stays in ``<name>.part`` and is continued by HTTP Range, in this run or the next; the final
name appears only when everything is there.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flawscope import __version__, digests
from flawscope.errors import DownloadError
from flawscope.outputs import output_error

Progress = Callable[[int, int | None], None]
"""Called with the bytes there are and the bytes there will be, if known."""


def silent(*_: int | None) -> None:
    """Progress for nobody."""


_CHUNK = 256 * 1024
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LINE_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    ssl.SSLError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a download may go.

    Attributes:
        bytes: refuse more than this.
        attempts: tries without any progress before giving up; an attempt that brought bytes does not count.
        timeout: seconds without a byte after which the line counts as dead.
        pause: seconds before the second attempt; doubled each time, at most 30.
    """

    bytes: int = 20_000_000_000
    attempts: int = 5
    timeout: float = 30.0
    pause: float = 1.0


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Path:
    """Fetch ``url`` into ``target``, continuing what an earlier try left.

    Args:
        url: ``http`` or ``https``.
        target: the final file.
        sha256: hexadecimal checksum of the whole file, when known.
        limits: size, attempts and patience.
        progress: called as bytes arrive.

    Raises:
        DownloadError: the address is wrong, the server says no, the file is too large or not the expected one,
            or the line stays dead. What arrived is kept unless it was wrong.
        OutputError: the disk is full or not writable.
    """
    limits = limits or Limits()
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError("only http and https are fetched", where=url, remedy="Give another --url")
    part, note = _part(target), _note(target)
    dead = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _attempt(url, part, note, limits, progress)
            break
        except _TryAgainError as error:
            after = part.stat().st_size if part.exists() else 0
            dead = 0 if after > before else dead + 1
            if dead >= limits.attempts:
                raise DownloadError(
                    f"gave up after {dead} attempts ({error.reason})",
                    where=url,
                    remedy="Run the same command again later; it continues where it stopped",
                ) from error
            time.sleep(
                error.wait if error.wait is not None else min(30.0, limits.pause * 2 ** max(0, dead - 1))
            )
        except OSError as error:
            raise output_error(error, target) from error
    if sha256 is not None and digests.sha256(part) != sha256.lower():
        _forget(part, note)
        raise DownloadError(
            "its checksum is not the expected one, so it was thrown away",
            where=url,
            remedy="Run the command again; if it happens twice, the file was changed at its source",
        )
    part.replace(target)
    note.unlink(missing_ok=True)
    return target


class _TryAgainError(Exception):
    """An attempt that failed in a way that may pass."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _forget(part: Path, note: Path) -> None:
    part.unlink(missing_ok=True)
    note.unlink(missing_ok=True)


def _attempt(url: str, part: Path, note: Path, limits: Limits, progress: Progress) -> None:
    """One request; returns when the part is the whole file.

    A name that cannot be resolved is final, unless something has arrived: then the line was there and may return.
    """
    version = _version(note, url)
    if version is None:
        _forget(part, note)
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"flawscope/{__version__}"})
    request.add_header("Accept-Encoding", "identity")
    if have and version is not None:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)
    try:
        with _opener().open(request, timeout=limits.timeout) as response:
            _receive(response, url, part, note, limits, progress, have)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            _forget(part, note)
            raise _TryAgainError("the server has nothing to continue") from error
        if error.code in _AGAIN:
            raise _TryAgainError(f"the server answers {error.code}", _retry_after(error)) from error
        raise DownloadError(
            f"the server answers {error.code} ({error.reason})",
            where=url,
            remedy="Check the address, or give a mirror with --url",
        ) from error
    except _LINE_ERRORS as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, socket.gaierror) and not have:
            raise DownloadError(
                f"no network? The server's name cannot be resolved ({reason.strerror})",
                where=url,
                remedy="Connect, or give --url with an archive file you have or a mirror",
            ) from error
        raise _TryAgainError(f"{str(reason) or type(error).__name__}") from error


def _receive(
    response: Any, url: str, part: Path, note: Path, limits: Limits, progress: Progress, have: int
) -> None:
    continued = response.status == 206
    if continued and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
        _forget(part, note)
        raise _TryAgainError("the server continued at another place")
    if not continued:
        have = 0
    length = response.headers.get("Content-Length")
    total = have + int(length) if length is not None and length.isdigit() else None
    _check_room(url, part, have, total, limits)
    version = response.headers.get("ETag") or response.headers.get("Last-Modified")
    # A weak tag does not promise equal bytes, so nothing may be continued by it.
    if version and not version.startswith("W/"):
        note.write_text(json.dumps({"url": url, "version": version}), encoding="utf-8")
    elif not continued:
        note.unlink(missing_ok=True)
    with part.open("ab" if continued else "wb") as opened:
        progress(have, total)
        while chunk := response.read(_CHUNK):
            have += len(chunk)
            if have > limits.bytes:
                opened.close()
                _forget(part, note)
                raise _too_large(url, limits)
            opened.write(chunk)
            progress(have, total)
    if total is not None and have < total:
        raise _TryAgainError(f"the line broke at {have:,} of {total:,} bytes")


def _check_room(url: str, part: Path, have: int, total: int | None, limits: Limits) -> None:
    if total is None:
        return
    if total > limits.bytes:
        raise _too_large(url, limits)
    free = shutil.disk_usage(part.parent).free
    if total - have > free:
        raise DownloadError(
            f"needs {(total - have) / 1e9:.1f} GB and {free / 1e9:.1f} GB are free in {part.parent}",
            where=url,
            remedy="Free some space or choose another folder with --out",
        )


def _too_large(url: str, limits: Limits) -> DownloadError:
    return DownloadError(
        f"is larger than the allowed {limits.bytes / 1e9:g} GB",
        where=url,
        remedy="If it is genuine, raise the limit with --max-gb",
    )


def _version(note: Path, url: str) -> str | None:
    """What the server called the version of which a part is there, if it was the same address."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        return str(content["version"]) if content["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    text = error.headers.get("Retry-After", "") if error.headers else ""
    return min(60.0, float(text)) if text.isdigit() else None


def _opener() -> urllib.request.OpenerDirector:
    """Only http and https, also after redirection: no files, no ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
