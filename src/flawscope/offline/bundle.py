"""The folder for a line PC: wheels of everything the light install needs, weights, and a script that installs them.

::

    install.py          needs Python alone
    bundle.json         versions, the Python it is for, SHA-256 of every file
    wheels/             Flawscope and what it needs
    weights/            exported files and enhancers that were asked for
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope import __version__
from flawscope.digests import sha256
from flawscope.errors import UsageError
from flawscope.offline.target import HERE, markers_of
from flawscope.offline.weights import extras_of, files_of, without_shipped
from flawscope.offline.wheels import collect
from flawscope.outputs import output_error, write_json

INSTALLER, CONTENTS = "install.py", "bundle.json"


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
        weights: exported files to take along; of an ``.xml`` its ``.bin`` and OpenVINO come too. Also folders of
            exported enhancers. Shipped weights come along by themselves.
        python: of the line PC, such as ``3.12``; this one's by default.
        platforms: tags of the line PC's wheels, such as ``win_amd64``; this machine's by default.
        tell: what is being done.

    Raises:
        UsageError: the folder holds something, weights that the line PC could not run, no such Python or
            platform.
        WeightsError: an enhancer cannot be read.
        DownloadError: a wheel cannot be had.
        OutputError: the folder cannot be written.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("there is something there already", where=folder, remedy="Choose another --out")
    markers_of(python, platforms)  # refuses what cannot be before any work
    weights = without_shipped(weights, tell)
    taken = files_of(weights)
    extras = extras_of(taken)
    wanted = python or HERE
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            inside = Path(temporary) / folder.name
            wheels = inside / "wheels"
            wheels.mkdir(parents=True)
            collect(wheels, extras, python=python, platforms=platforms, tell=tell)
            _add_files(inside, taken)
            files = sorted(file for file in inside.rglob("*") if file.is_file())
            told = {
                "flawscope": __version__,
                "python": wanted,
                "platforms": list(platforms),
                "extras": extras,
                "weights": [one.resolve().name for one in weights],
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
        tuple(f"weights/{name}" for name in taken),
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    )


def _add_files(folder: Path, weights: Mapping[str, Path]) -> None:
    """The weights and the script that installs."""
    for name, source in weights.items():
        target = folder / "weights" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(Path(__file__).with_name(INSTALLER), folder / INSTALLER)
