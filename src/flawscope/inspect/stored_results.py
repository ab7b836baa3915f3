"""A folder of results as the report takes it: of images, or of one strip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flawscope.errors import OutputError, UsageError
from flawscope.inspect.folder import RESULTS, SETTINGS, read_results
from flawscope.inspect.strip_folder import REGIONS, SUMMARY, read_records
from flawscope.inspect.tables import Record

_TOLD_ELSEWHERE = (
    "--weights",
    "--binarize",
    "--threshold",
    "--min-area",
    "--page",
    "--white",
    "--rules",
    "--calibration",
)

_FROM_SUMMARY = ("verdict", "calibration", "read_with", "background")
"""What the summary of a strip and its line in ``results.jsonl`` both have, where there is such."""


@dataclass(frozen=True, slots=True)
class StoredResults:
    """What an inspection has left.

    Attributes:
        records: one for each image, in the form of ``results.jsonl``; one for a strip.
        made_with: what they were made with, under the names of the options; empty where nothing says so.
        problems: one line each.
    """

    records: list[Record]
    made_with: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def weights(self) -> str:
        """What made the masks."""
        names = dict.fromkeys(record["weights"] for record in self.records if record.get("weights"))
        return str(self.made_with.get("--weights") or ", ".join(names) or "unknown weights")

    @property
    def page(self) -> int | None:
        """As the images were read."""
        return self.made_with.get("--page")

    @property
    def white(self) -> int | None:
        """As the images were read."""
        return self.made_with.get("--white")

    @property
    def settings(self) -> dict[str, Any]:
        """As :func:`flawscope.inspect.report.write_report` takes them."""
        rest = {
            name.removeprefix("--").replace("-", " "): value
            for name, value in self.made_with.items()
            if name not in _TOLD_ELSEWHERE and value is not None
        }
        return {
            "threshold": self.made_with.get("--threshold"),
            "binarize": self.made_with.get("--binarize", "threshold"),
            "min_area": self.made_with.get("--min-area", 1),
            "options": rest,
        }


def read_stored(root: Path) -> StoredResults:
    """The results in a folder.

    Raises:
        UsageError: there are none.
        OutputError: they are damaged.
    """
    if (root / RESULTS).is_file():
        return StoredResults(list(read_results(root / RESULTS)), _plain_object(root / SETTINGS))
    if (root / SUMMARY).is_file() and (root / REGIONS).is_file():
        return _strip(root)
    raise UsageError(
        "holds no results",
        where=root,
        remedy=f"Give the folder that an inspection wrote: {RESULTS}, or {SUMMARY} and {REGIONS}",
    )


def _strip(root: Path) -> StoredResults:
    summary = _plain_object(root / SUMMARY)
    try:
        made_with = summary.get("made_with", {})
        defects = []
        for region in read_records(root):
            del region["runs"]
            defects.append(region)
        pixels = summary["width"] * summary["rows"]
        record = {
            "source": summary["source"],
            "width": summary["width"],
            "height": summary["rows"],
            "labels": summary["labels"],
            "defects": defects,
            "defect_fraction": sum(defect["area_px"] for defect in defects) / pixels if pixels else 0.0,
            "threshold": made_with.get("--threshold"),
            "seconds": summary.get("seconds"),
            "files": {"strip": "."},
            **{name: summary[name] for name in _FROM_SUMMARY if summary.get(name)},
        }
    except (KeyError, TypeError) as error:
        raise OutputError("is not the summary of a strip", where=root / SUMMARY) from error
    problem = summary.get("problem")
    return StoredResults([record], made_with, [] if problem is None else [str(problem)])


def _plain_object(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise OutputError("is not JSON", where=path, remedy="Make the results again") from error
    if not isinstance(stored, dict):
        raise OutputError("is not an object", where=path, remedy="Make the results again")
    return stored
