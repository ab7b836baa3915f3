"""Weights for a line PC: which files go along, and what they need beyond the light install."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from flawscope.errors import UsageError
from flawscope.sdie.artefact_description import DESCRIPTION
from flawscope.sdie.portable import network_inside
from flawscope.segment.loading import EXPORTED_SUFFIXES, shipped_weights


def without_shipped(weights: Sequence[Path], tell: Callable[[str], None]) -> list[Path]:
    """The weights that must be packed; of shipped ones, which are named, it is told that they need not."""
    own = [one for one in weights if str(one) not in shipped_weights() or one.exists()]
    for one in weights:
        if one not in own:
            tell(f"{one} comes along by itself: shipped weights are inside Flawscope")
    return own


def files_of(weights: Sequence[Path]) -> dict[str, Path]:
    """The files of exported weights and enhancers, by their place in the folder that takes them.

    Raises:
        UsageError: one needs torch, is missing, or has another's name.
        WeightsError: an enhancer cannot be read.
    """
    together: dict[str, Path] = {}
    taken: set[str] = set()
    for one in weights:
        parts = _enhancer(one) if (one / DESCRIPTION).is_file() else _network(one)
        names = {name.partition("/")[0] for name in parts}
        if names & taken:
            raise UsageError(
                "two weights files have one name", where="--weights", remedy="Rename one of them"
            )
        taken |= names
        together |= parts
    return together


def extras_of(files: Iterable[str]) -> list[str]:
    """Flawscope's extras that these files need: OpenVINO runs an ``.xml``."""
    return ["openvino"] if any(name.lower().endswith(".xml") for name in files) else []


def _network(file: Path) -> dict[str, Path]:
    """An exported file, and the ``.bin`` beside an ``.xml``."""
    if file.suffix.lower() not in EXPORTED_SUFFIXES:
        raise UsageError(
            "not an exported file, and the light install runs no other",
            where=file,
            remedy="Make one with 'flawscope export' and give that",
        )
    parts = [file] if file.suffix.lower() != ".xml" else [file, file.with_suffix(".bin")]
    for part in parts:
        if not part.is_file():
            raise UsageError("no such file", where=part, remedy="Check the path given to --weights")
    return {part.name: part for part in parts}


def _enhancer(folder: Path) -> dict[str, Path]:
    """Everything in the folder of an enhancer that runs without torch and without files outside it."""
    root = folder.resolve()
    network = network_inside(root)
    if network is not None and network not in shipped_weights().values():
        if root not in network.resolve().parents or network.suffix.lower() not in EXPORTED_SUFFIXES:
            raise UsageError(
                f"its network '{network.name}' is not exported into it",
                where=folder,
                remedy="Give the folder that 'flawscope export' makes of it",
            )
        _network(network)
    files = sorted(file for file in root.rglob("*") if file.is_file())
    return {f"{root.name}/{file.relative_to(root).as_posix()}": file for file in files}
