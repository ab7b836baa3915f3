"""The folder of results: one line in ``results.jsonl`` when, and only when, all files of an image are there.

::

    out/results.jsonl           one image a line, appended as it goes
        results.csv             one defect a row; a clean image has one row with defect 0
        coco.json               COCO instances with run-length masks
        failures.jsonl          what could not be inspected (:mod:`flawscope.inspect.failures`)
        masks/<key>.png         0/255 for one class, class numbers for several
        overlays/<key>.jpg      (.png beyond 65,500 pixels a side)
        probabilities/<key>.png 16-bit, 65535 is 1; one file a class
        report.html
        settings.json               what the results were made with; resuming with anything else is refused
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data import rle
from flawscope.errors import UsageError
from flawscope.images import Image, write_image
from flawscope.inspect.counted import number_of
from flawscope.inspect.failures import FAILURES, Failures, read_failures
from flawscope.inspect.json_lines import append_line, mend_lines, read_lines
from flawscope.inspect.tables import Record, write_tables
from flawscope.outputs import dumps, output_error, write_json
from flawscope.results import InspectionResult

RESULTS, TABLE, COCO, REPORT = "results.jsonl", "results.csv", "coco.json", "report.html"
SETTINGS = "settings.json"
_NAMES = ("source", "key", "defects")
_KINDS = ("masks", "overlays", "probabilities")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\\/:*?"<>|]')
"""Characters of class names that would be folders, or that some file systems refuse."""

_JPEG_LIMIT = 65_500
"""Pixels a side that JPEG encoders take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are written for each image."""

    masks: bool = True
    overlays: bool = True
    probabilities: bool = False


@dataclass
class ResultFolder:
    """Where a batch writes. Open it with :func:`open_results`.

    Attributes:
        root: the folder.
        wanted: which files to write for each image.
        records: what is done, in order.
        on_record: told each record, those of earlier runs first, instead of keeping it in ``records``.
        failures: what could not be inspected, in this run or before.
    """

    root: Path
    wanted: Wanted
    records: list[Record] = field(default_factory=list)
    on_record: Callable[[Record], None] | None = None
    failures: Failures = field(init=False)
    _keys: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.failures = Failures(self.root)

    @property
    def shown(self) -> list[Record]:
        """What reports speak of: what is done, then strips that were inspected in part."""
        return [*self.records, *self.failures.in_part]

    @property
    def done(self) -> frozenset[str]:
        """Sources that are finished."""
        return frozenset(record["source"] for record in self.records)

    def claim(self, source: str, key: str) -> str:
        """``key``, or a numbered form of it where another source already has it."""
        choice, number = key, 1
        while self._keys.get(choice.casefold(), source) != source:
            number += 1
            choice = f"{key}~{number}"
        self._keys[choice.casefold()] = source
        return choice

    def add(
        self, result: InspectionResult, image: Image, key: str, measures: Sequence[Mapping[str, Any]] = ()
    ) -> Record:
        """Write the files of one image, then its line.

        Args:
            result: of the image.
            image: its pixels.
            key: from :meth:`claim`.
            measures: what was measured of each defect, if anything.

        Raises:
            OutputError: something could not be written; the image then counts as not done.
        """
        record = result.to_json()
        for entry, more in zip(record["defects"], measures, strict=bool(measures)):
            entry.update(more)
        for entry, defect in zip(record["defects"], result.defects, strict=True):
            entry["segmentation"] = rle.encode_runs(defect.runs, result.height, result.width)
        record["labels"] = list(result.labels)
        record["key"] = key
        record["files"] = self._write_files(result, image, key)
        self.commit(record)
        return record

    def commit(self, record: Record) -> None:
        """Write the line of something whose files are all there: from here on it is done.

        Raises:
            OutputError: it could not be written.
        """
        with self._lock:
            append_line(self.root / RESULTS, record)
            self.keep(record)

    def keep(self, record: Record) -> None:
        """Remember what is done."""
        self.failures.drop(record["source"])
        if self.on_record is not None:
            self.on_record(record)
            return
        self.records.append(record)

    def finish(self) -> None:
        """Write the failures, and the tables of everything done so far, strips inspected in part at their end."""
        self.failures.write()
        write_tables(
            self.root / TABLE,
            self.root / COCO,
            lambda: itertools.chain(read_results(self.root / RESULTS), self.failures.in_part),
        )

    def _write_files(self, result: InspectionResult, image: Image, key: str) -> dict[str, Any]:
        files: dict[str, Any] = {}
        if self.wanted.masks:
            files["mask"] = f"masks/{key}.png"
            one_class = len(result.labels) == 1
            write_image(self.root / files["mask"], result.mask * np.uint8(255 if one_class else 1))
        if self.wanted.overlays:
            suffix = ".jpg" if max(image.shape) <= _JPEG_LIMIT else ".png"
            files["overlay"] = f"overlays/{key}{suffix}"
            write_image(self.root / files["overlay"], result.overlay(image))
        if self.wanted.probabilities and result.probability is not None:
            files["probabilities"] = []
            for label, plane in zip(result.labels, result.probability, strict=True):
                name = (
                    f"probabilities/{key}.png"
                    if len(result.labels) == 1
                    else f"probabilities/{key}.{_NOT_IN_NAMES.sub('_', label)}.png"
                )
                write_image(self.root / name, np.rint(plane * 65535).astype(np.uint16))
                files["probabilities"].append(name)
        return files


def open_results(
    root: Path,
    wanted: Wanted,
    *,
    resume: bool = False,
    overwrite: bool = False,
    made_with: Mapping[str, Any] | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> ResultFolder:
    """A folder to write results in.

    Args:
        root: made if it is not there.
        wanted: which files to write.
        resume: keep what is there and go on.
        overwrite: remove the results that an earlier run listed, and begin again.
        made_with: plain values that all results of the folder must share, under the names to complain with;
            kept in ``settings.json``.
        on_record: told each record instead of keeping it; see :class:`ResultFolder`.

    Raises:
        UsageError: results are there and neither was chosen, or were made with other values, or the folder
            holds masks of other origin.
        OutputError: the folder cannot be written.
    """
    folder = ResultFolder(root, wanted, on_record=on_record)
    listed = root / RESULTS
    try:
        root.mkdir(parents=True, exist_ok=True)
        if listed.exists():
            earlier = read_failures(root, {record["source"] for record in read_results(listed)})
            in_part = sum(failure.record is not None for failure in earlier.values())
            some = in_part > 0 or next(read_results(listed), None) is not None
            if some and not (resume or overwrite):
                held = in_part + sum(1 for _ in read_results(listed))
                raise UsageError(
                    f"already holds results of {number_of(held, 'image')}",
                    where=root,
                    remedy="Go on with --resume, begin again with --overwrite, or choose another --out",
                )
            if resume:
                folder.failures = Failures(root, earlier.values())
            if overwrite or not some:
                _remove(root, read_results(listed))
                folder.failures.write()
            else:
                if made_with is not None:
                    _compare(root, made_with)
                for record in mend_lines(listed, _NAMES):
                    folder.keep(record)
                    folder.claim(record["source"], record["key"])
                return folder
        strangers = [kind for kind in _KINDS if any((root / kind).glob("*"))]
        if strangers and not listed.exists():
            raise UsageError(
                f"holds a folder '{strangers[0]}' that no run of predict has made",
                where=root,
                remedy="Choose another --out, so that nothing of yours is overwritten",
            )
        if made_with is not None:
            write_json(root / SETTINGS, made_with)
        listed.touch()
    except OSError as error:
        raise output_error(error, root) from error
    return folder


def read_results(path: Path) -> Iterator[Record]:
    """The records of a ``results.jsonl``, one at a time; a last line that was cut short is left out.

    Raises:
        OutputError: a line before the last is not a record.
    """
    return read_lines(path, _NAMES)


def _compare(root: Path, made_with: Mapping[str, Any]) -> None:
    """Raise UsageError unless the folder's results were made with the same values."""
    try:
        before = json.loads((root / SETTINGS).read_text(encoding="utf-8"))
        # what another verb, or an older Flawscope, does not name was not used
        before = {name: before.get(name) for name in made_with}
    except (FileNotFoundError, ValueError, AttributeError) as error:
        raise UsageError(
            f"nothing says what its results were made with ({SETTINGS} is missing or damaged)",
            where=root,
            remedy="Choose another --out, or begin again with --overwrite",
        ) from error
    now = json.loads(dumps(made_with))
    other = [
        f"{name} {_said(before[name])}, not {_said(now[name])}" for name in now if before[name] != now[name]
    ]
    if other:
        raise UsageError(
            f"its results were made with {'; '.join(other)}",
            where=root,
            remedy="Give the same options, choose another --out, or begin again with --overwrite",
        )


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _remove(root: Path, records: Iterable[Record]) -> None:
    """Remove what an earlier run says it wrote, and nothing else."""
    for record in records:
        for entry in record.get("files", {}).values():
            for name in [entry] if isinstance(entry, str) else entry:
                file = root / name
                if name.split("/")[0] in _KINDS and ".." not in file.parts:
                    file.unlink(missing_ok=True)
    for name in (COCO, TABLE, REPORT, SETTINGS, FAILURES):
        (root / name).unlink(missing_ok=True)
    (root / RESULTS).write_text("", encoding="utf-8")
