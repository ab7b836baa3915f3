"""The finished runs of studies: one JSON file each, in ``RESULTS/STUDY/RUN.json``.

A file holds what the run was told, the machine and versions, the training curve, the figures on every test set, and
three figures of every image, from which differences between rows are computed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.errors import DataError
from flawscope.outputs import dumps, write_json
from flawscope.study.runs import Run

SCHEMA = "flawscope/study-run/1"
IMAGE_FIGURES = ("iou_fg", "wfm", "mae")
"""Kept of every image."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run.

    Attributes:
        run: which.
        facts: content of its file.
    """

    run: Run
    facts: dict[str, Any]

    def figures(self, test: str, protocol: str = "standard") -> dict[str, float | None]:
        """Its figures on one test set; empty where it was not measured so."""
        found: dict[str, float | None] = (
            self.facts["tests"].get(test, {}).get(protocol, {}).get("figures", {})
        )
        return found

    def images(self, test: str) -> dict[str, dict[str, Any]]:
        """Figures of every image of a test set by its name, with its ``group``."""
        found: dict[str, dict[str, Any]] = self.facts["tests"].get(test, {}).get("images", {})
        return found


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where finished runs are kept.

    Attributes:
        folder: of all studies.
    """

    folder: Path

    def file(self, run: Run) -> Path:
        """The file of a run, whether it is there or not."""
        return self.folder / run.study / f"{run.name}.json"

    def keep(self, run: Run, stamp: str, facts: dict[str, Any]) -> Path:
        """Write a finished run."""
        return write_json(
            self.file(run),
            {"schema": SCHEMA, "study": run.study, "row": run.row, "seed": run.seed, "stamp": stamp, **facts},
        )

    def find(self, run: Run, stamp: str | None = None) -> StoredRun | None:
        """A run, if it is finished.

        Args:
            run: which.
            stamp: of what it is told now, see :func:`stamp_of`; None to take it as it is.

        Raises:
            DataError: the file is damaged, or the run was told something else.
        """
        file = self.file(run)
        if not file.is_file():
            return None
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            same = (facts["schema"], facts["row"], facts["seed"]) == (SCHEMA, run.row, run.seed)
            if not same or not isinstance(facts["tests"], dict):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError("not a run of a study", where=file, remedy="Remove it to run it again") from error
        if stamp is not None and facts["stamp"] != stamp:
            raise DataError(
                "this run was made from other settings than the study now gives",
                where=file,
                remedy="Remove it to run it again, or give the row another name",
            )
        return StoredRun(run, facts)


def stamp_of(told: dict[str, Any]) -> str:
    """First 16 digits of the SHA-256 of what a run is told."""
    return hashlib.sha256(dumps(told, indent=None).encode()).hexdigest()[:16]
