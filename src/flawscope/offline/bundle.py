"""The folder for a line PC: wheels of everything the light install needs, weights, and a script that installs them.

::

    install.py          needs Python alone
    bundle.json         versions, the Python it is for, SHA-256 of every file
    wheels/             Flawscope and what it needs
    weights/            exported files that were asked for
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from flawscope import __version__
from flawscope.digests import sha256
from flawscope.errors import DownloadError, UsageError
from flawscope.outputs import output_error, write_json

INSTALLER, CONTENTS = "install.py", "bundle.json"
_SUFFIXES = (".onnx", ".xml")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was packed.

    Attributes:
        folder: take it to the line PC as it is.
        python: ``3.11``; the line PC needs the same.
        wheels: file names.
        weights: paths below the folder.
        size: bytes of everything.
    """

    folder: Path
    python: str
    wheels: tuple[str, ...]
    weights: tuple[str, ...]
    size: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "folder": self.folder,
            "python": self.python,
            "wheels": self.wheels,
            "weights": self.weights,
            "bytes": self.size,
        }


def make_bundle(
    out: str | Path,
    weights: Sequence[Path] = (),
    *,
    python: str | None = None,
    platforms: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Collect what a machine without a network needs, in the versions installed here.

    Args:
        out: a new folder, or an empty one.
        weights: exported files to take along; of an ``.xml`` its ``.bin`` comes too.
        python: of the line PC, such as ``3.12``; this one's by default.
        platforms: tags of the line PC's wheels, such as ``win_amd64``; this machine's by default.
        tell: what is being done.

    Raises:
        UsageError: the folder holds something, or weights that the light install cannot run.
        DownloadError: a wheel cannot be had.
        OutputError: the folder cannot be written.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("there is something there already", where=folder, remedy="Choose another --out")
    taken = [part for file in weights for part in _parts(file)]
    names = [part.name for part in taken]
    if len(set(names)) < len(names):
        raise UsageError("two weights files have one name", where="--weights", remedy="Rename one of them")
    wanted = python or "{}.{}".format(*sys.version_info[:2])
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            inside = Path(temporary) / folder.name
            wheels = inside / "wheels"
            wheels.mkdir(parents=True)
            tell("packing Flawscope")
            own = _own_wheel(wheels)
            tell("collecting the wheels it needs")
            _download(own, wheels, python, platforms)
            _add_files(inside, taken)
            files = sorted(file for file in inside.rglob("*") if file.is_file())
            told = {
                "flawscope": __version__,
                "python": wanted,
                "platforms": list(platforms),
                "weights": [file.name for file in taken if file.suffix.lower() in _SUFFIXES],
                "sha256": {file.relative_to(inside).as_posix(): sha256(file) for file in files},
            }
            write_json(inside / CONTENTS, told)
            inside.replace(folder)
    except OSError as error:
        raise output_error(error, folder) from error
    return Bundle(
        folder,
        wanted,
        tuple(file.name for file in files if file.parent.name == "wheels"),
        tuple(f"weights/{name}" for name in names),
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    )


def _add_files(folder: Path, weights: Sequence[Path]) -> None:
    """The weights and the script that installs."""
    if weights:
        (folder / "weights").mkdir()
    for part in weights:
        shutil.copyfile(part, folder / "weights" / part.name)
    shutil.copyfile(Path(__file__).with_name(INSTALLER), folder / INSTALLER)


def _parts(weights: Path) -> list[Path]:
    """The files that make up exported weights; raises UsageError."""
    if weights.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            "not an exported file, and the light install runs no other",
            where=weights,
            remedy="Make one with 'flawscope export' and give that",
        )
    parts = [weights] if weights.suffix.lower() != ".xml" else [weights, weights.with_suffix(".bin")]
    for part in parts:
        if not part.is_file():
            raise UsageError("no such file", where=part, remedy="Check the path given to --weights")
    return parts


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


def _download(own: Path, wheels: Path, python: str | None, platforms: Sequence[str]) -> None:
    """Everything that Flawscope needs, in the versions installed here."""
    pins = [
        f"{one.metadata['Name']}=={one.version.partition('+')[0]}"
        for one in distributions()
        if one.read_text("direct_url.json") is None
    ]
    for_others = [f"--platform={tag}" for tag in platforms]
    if python is not None:
        for_others.append(f"--python-version={python}")
    with tempfile.TemporaryDirectory() as temporary:
        constraints = Path(temporary) / "constraints.txt"
        constraints.write_text("\n".join(sorted(set(pins))) + "\n", encoding="utf-8")
        _pip(
            "download",
            "--only-binary=:all:",
            *for_others,
            "--constraint",
            constraints,
            "--dest",
            wheels,
            own,
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
