"""Where the segmenter of an artefact lies: written so that it is found from every working directory."""

from __future__ import annotations

from pathlib import Path

from flawscope.errors import WeightsError
from flawscope.segment.grabcut import GRABCUT
from flawscope.segment.loading import WEIGHT_SUFFIXES
from flawscope.segment.prompted import PROTOTYPE
from flawscope.segment.regions import REGIONS

NETWORK, SAM, PROMPTABLE = "network", "sam", "promptable"


def kind_and_text(spec: str) -> tuple[str, str]:
    """A spec as its kind and the rest: a spec that is no kind itself means a network."""
    if spec in (REGIONS, GRABCUT, PROTOTYPE):
        return spec, ""
    kind, _, rest = spec.partition(":")
    return (kind, rest) if kind in (NETWORK, SAM, PROMPTABLE) and rest else (NETWORK, spec)


def placed(spec: str, folder: Path) -> str:
    """``spec`` to write into ``folder``: paths inside it relative to it, others absolute; names stay names."""
    kind, text = kind_and_text(spec)
    path = Path(text).expanduser()
    if kind not in (NETWORK, SAM) or not path.exists():
        return spec
    real, root = path.resolve(), folder.resolve()
    kept = real.relative_to(root) if real.is_relative_to(root) else real
    return f"{kind}:{kept.as_posix()}"


def located(spec: str, folder: Path) -> str:
    """``spec`` read from ``folder``, its path made one that opens from here.

    Raises:
        WeightsError: it names a file or folder that is not there.
    """
    kind, text = kind_and_text(spec)
    path = Path(text).expanduser()
    if kind not in (NETWORK, SAM):
        return spec
    inside = folder / path
    if inside.exists():
        return f"{kind}:{inside}"
    if not path.exists() and _only_a_path(kind, path):
        raise WeightsError(
            f"its segmenter '{text}' is not there",
            where=folder / "sdie.json",
            remedy="Bring it back, or write its new place into that file under 'segmenter'; a folder that "
            "'flawscope export' wrote holds its network",
        )
    return spec


def _only_a_path(kind: str, path: Path) -> bool:
    """Neither a shipped network nor, for SAM, a name on the hub."""
    if path.is_absolute():
        return True
    return kind == NETWORK and (path.suffix.lower() in WEIGHT_SUFFIXES or len(path.parts) > 1)
