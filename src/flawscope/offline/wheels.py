"""Collecting wheels: Flawscope's own and all that it needs on the line PC."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from flawscope import __version__
from flawscope.errors import DownloadError
from flawscope.offline.missing import missing
from flawscope.offline.target import markers_of


def collect(
    wheels: Path,
    extras: Sequence[str] = (),
    *,
    python: str | None = None,
    platforms: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill the folder ``wheels``, in the versions installed here; see ``make_bundle`` for the arguments.

    Raises:
        UsageError: no such Python or platform.
        DownloadError: a wheel cannot be had.
    """
    markers = markers_of(python, platforms)
    for_others = [f"--platform={tag}" for tag in platforms]
    if python is not None:
        for_others.append(f"--python-version={python}")
    tell("packing Flawscope")
    own = _own_wheel(wheels)
    tell("collecting the wheels it needs")
    wanted = f"flawscope[{','.join(extras)}]" if extras else "flawscope"
    more: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        constraints = Path(temporary) / "constraints.txt"
        constraints.write_text("\n".join(_pins()) + "\n", encoding="utf-8")
        while True:
            chosen: list[str | Path] = ["--only-binary=:all:", *for_others, "--constraint", constraints]
            _pip("download", *chosen, "--dest", wheels, f"{wanted} @ {own.resolve().as_uri()}", *more)
            lacking = missing(wheels, wanted, markers)
            if not lacking:
                return
            if set(lacking) <= set(more):
                raise DownloadError(
                    f"pip collected no wheel for {lacking[0]}", where="pip", remedy="Try a newer pip"
                )
            more += lacking


def _own_wheel(wheels: Path) -> Path:
    """Flawscope's own wheel: built from its source where it is installed from there, else downloaded."""
    source = _source(distribution("flawscope"))
    if source is None:
        _pip("download", "--no-deps", "--only-binary=:all:", "--dest", wheels, f"flawscope=={__version__}")
    else:
        _pip("wheel", "--no-deps", "--wheel-dir", wheels, source)
    (own,) = wheels.glob("flawscope-*.whl")
    return own


def _source(installed: Distribution) -> Path | None:
    """The folder that Flawscope was installed from, or None when it came from an index."""
    url = json.loads(installed.read_text("direct_url.json") or "{}").get("url", "")
    parsed = urlparse(url)
    return Path(url2pathname(parsed.path)) if parsed.scheme == "file" else None


def _pins() -> list[str]:
    """The versions installed here."""
    return sorted(
        {
            f"{one.metadata['Name']}=={one.version.partition('+')[0]}"
            for one in distributions()
            if one.read_text("direct_url.json") is None
        }
    )


def _pip(*words: str | Path) -> None:
    """Run pip; raises DownloadError with its last complaint."""
    command = [sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", *words[1:]]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [
            f"exit code {done.returncode}"
        ]
        line = next((one for one in reversed(lines) if "ERROR" in one), lines[-1])
        raise DownloadError(
            f"pip could not collect the wheels ({line.removeprefix('ERROR: ').strip()[:200]})",
            where="pip",
            remedy="Check the network and that pip works here, then try again",
        )
