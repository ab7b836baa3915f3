"""What the run of an agent is begun with, noted in its folder: a resumed run must be told the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError
from flawscope.outputs import write_json
from flawscope.sdie.policy import MlpPolicy, fingerprint_of
from flawscope.sdie.presets import Settings
from flawscope.sdie.shots import Shot

CONFIG, CHECKPOINT = "config.json", "resume/last.safetensors"


def holds_run(folder: Path) -> bool:
    """Whether an agent's training has left something here to go on with."""
    return (folder / CONFIG).exists() and (folder / CHECKPOINT).exists()


def check_place(folder: Path, resume: bool) -> None:
    """Raise UsageError, before any work, when no run can begin in a folder or, with ``resume``, go on in it."""
    if resume:
        _begun_with(folder)
    elif holds_run(folder):
        raise UsageError(
            "this folder already holds a run",
            where=folder,
            remedy="Add --resume to go on with it, or choose another --out",
        )


def claim(folder: Path, config: dict[str, Any], resume: bool) -> None:
    """Note what the run is told, or see that a resumed one is told the same."""
    check_place(folder, resume)
    if not resume:
        write_json(folder / CONFIG, config)
        return
    before = _begun_with(folder)
    changed = [name for name in config if before.get(name) != config[name]]
    if changed:
        raise UsageError(
            f"the run was begun with other {', '.join(changed)}",
            where=folder,
            remedy="Resume it with what it was begun with, or start a new run in another folder",
        )


def config_of(
    shots: Sequence[Shot],
    bank: FilterBank,
    preset: str,
    settings: Settings,
    seed: int,
    backbone_weights: str | Path | None,
    start: MlpPolicy | None,
    drawn: bool,
) -> dict[str, Any]:
    """What a run is told, as JSON: shots and the start by their fingerprints."""
    seen = hashlib.sha256()
    for shot in shots:
        seen.update(f"{shot.name} {shot.image.shape} {shot.image.dtype} {shot.segmenter.name}".encode())
        seen.update(shot.image.data)
        seen.update(shot.mask.data)
    return {
        "schema": "flawscope/sdie-run/1",
        "preset": preset,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "bank": bank.to_json(),
        "shots": {"count": len(shots), "sha256": seen.hexdigest()},
        "backbone_weights": None if backbone_weights is None else str(backbone_weights),
        "drawn": drawn,
        "start": None if start is None else fingerprint_of(start),
    }


def _begun_with(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError("no run to resume here", where=folder, remedy="Check --out") from error
    except (OSError, ValueError) as error:
        raise UsageError("its config.json is damaged", where=file, remedy="Start a new run") from error
    return content if isinstance(content, dict) else {}
