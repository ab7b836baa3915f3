"""A folder of results as the report takes it: of images, or of one strip."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flawscope.errors import OutputError, UsageError
from flawscope.inspect.counted import is_strip
from flawscope.inspect.failures import read_failures
from flawscope.inspect.folder import RESULTS, SETTINGS, read_results
from flawscope.inspect.json_lines import read_lines
from flawscope.inspect.strip_folder import REGIONS, STATE, SUMMARY, begun_with, in_part, read_records
from flawscope.inspect.strip_records import STRIPS
from flawscope.inspect.tables import Record
from flawscope.inspect.watching import PASSED_OVER

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
        return _batch(root)
    if (root / SUMMARY).is_file() and (root / REGIONS).is_file():
        return _strip(root)
    raise UsageError(
        "holds no results",
        where=root,
        remedy=f"Give the folder that an inspection wrote: {RESULTS}, or {SUMMARY} and {REGIONS}",
    )


def _batch(root: Path) -> StoredResults:
    """What is done, then strips that were inspected in part; problems are all the rest that was begun."""
    records = list(read_results(root / RESULTS))
    done = {record["source"] for record in records}
    failures = read_failures(root, done)
    records += (failure.record for failure in failures.values() if failure.record is not None)
    problems = [failure.error for failure in failures.values() if failure.record is None]
    problems += _passed_over(root, done)
    known = {(root / record["files"]["strip"]) for record in records if is_strip(record)}
    for state in sorted((root / STRIPS).glob(f"**/{STATE}")):
        source = begun_with(state.parent)
        if state.parent not in known and source not in failures:
            problems.append(f"{source}: begun and not inspected to its end. Go on with --resume")
    return StoredResults(records, _plain_object(root / SETTINGS), problems)


def _passed_over(root: Path, done: Collection[str]) -> list[str]:
    """Why files that arrived in a watched folder could not be used."""
    if not (root / PASSED_OVER).is_file():
        return []
    latest = {line["source"]: line.get("error") for line in read_lines(root / PASSED_OVER, ("source",))}
    return [str(error) for source, error in latest.items() if error is not None and source not in done]


def _strip(root: Path) -> StoredResults:
    summary = _plain_object(root / SUMMARY)
    try:
        made_with = summary.get("made_with", {})
        _look_for_verdict(root, made_with, summary)
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
    if summary.get("problem") is not None:
        record["in_part"] = in_part(str(summary["problem"]), summary.get("declared_rows"))
    return StoredResults([record], made_with)


def _look_for_verdict(root: Path, made_with: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Raise UsageError where rules or a calibration were given, and the folder does not hold what came of them."""
    for option, name in (("--rules", "verdict"), ("--calibration", "calibration")):
        if made_with.get(option) is not None and name not in summary:
            batch = next((folder.parent for folder in root.parents if folder.name == STRIPS), None)
            whole = batch is not None and (batch / RESULTS).is_file()
            raise UsageError(
                f"was inspected with {option} and holds no {name}",
                where=root,
                remedy=f"Run: flawscope report {batch}" if whole else "Go on with --resume",
            )


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
