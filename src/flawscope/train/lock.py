"""Exactly which files a run saw: ``data.lock.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.data.samples import Sample, SegmentationData
from flawscope.digests import sha256
from flawscope.errors import DataError
from flawscope.outputs import write_json

LOCK_FILE = "data.lock.json"


@dataclass(frozen=True, slots=True)
class DataLock:
    """Names and SHA-256 of the images and annotations of a run."""

    content: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Into the run folder."""
        write_json(folder / LOCK_FILE, self.content)

    def check(self, folder: Path) -> None:
        """Raise DataError when the data of a run changed since it began."""
        try:
            before = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError("its data.lock.json is missing or damaged", where=folder) from error
        for part in ("train", "val"):
            old = {row["name"]: row for row in before[part]}
            new = {row["name"]: row for row in self.content[part]}
            changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            if changed:
                raise DataError(
                    f"{len(changed)} {part} samples changed since the run began (first: {changed[0]})",
                    where=folder,
                    remedy="Restore the data, or start a new run",
                )


def lock_data(training: SegmentationData, validation: SegmentationData | None) -> DataLock:
    """Hash every file of the two parts."""
    return DataLock(
        {
            "schema": "flawscope/data-lock/1",
            "dataset": training.name,
            "labels": list(training.labels),
            "train": [_row(sample) for sample in training],
            "val": [] if validation is None else [_row(sample) for sample in validation],
        }
    )


def _row(sample: Sample) -> dict[str, Any]:
    truth = None if sample.truth is None else sample.truth.path
    return {
        "name": sample.name,
        "image": _sha256(sample.image),
        "truth": None if truth is None else _sha256(truth),
        "group": sample.group,
    }


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise DataError(f"not readable ({(error.strerror or str(error)).lower()})", where=path) from error
