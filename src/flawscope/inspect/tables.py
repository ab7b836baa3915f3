"""Everything done so far as one CSV table and as COCO instances, written line by line."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from flawscope.inspect.measure import Measures
from flawscope.outputs import atomic, dumps
from flawscope.results import ROW_COLUMNS, defect_rows

Record = dict[str, Any]
"""One line of ``results.jsonl``: ``InspectionResult.to_json`` with ``key``, ``files`` and run-length masks; of an
inspection also the measures of each defect, ``verdict`` and ``calibration``."""

MEASURES = tuple(each.name for each in dataclasses.fields(Measures) if each.name != "area_px")
"""Columns of measured defects, behind :data:`flawscope.results.ROW_COLUMNS`."""

JUDGED = ("calibration", "image_verdict", "rules")
"""And of judged ones: the calibration's id, the outcome of the whole image, and the rules that spoke of this defect,
worst first; empty where none did."""

INSPECTED = "inspected"
"""The last column, where a strip was inspected in part: ``in part`` in its rows, else empty."""


@dataclass
class _Survey:
    """What the records have, as far as they were seen."""

    columns: set[str] = field(default_factory=set)
    categories: dict[str, int] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        if "calibration" in record:
            self.columns.add("calibration")
        if "in_part" in record:
            self.columns.add(INSPECTED)
        if "verdict" in record:
            self.columns.update(("image_verdict", "rules"))
        for defect in record["defects"]:
            self.columns.update(defect)
        for label in record["labels"]:
            self.categories.setdefault(label, len(self.categories) + 1)

    @property
    def header(self) -> list[str]:
        return [*ROW_COLUMNS, *(name for name in (*MEASURES, *JUDGED, INSPECTED) if name in self.columns)]


def write_tables(table: Path, coco: Path, read: Callable[[], Iterable[Record]]) -> None:
    """Write the CSV and the COCO file of the records, of which one is in memory at a time.

    Args:
        table: the CSV file: one row a defect; a clean image has one row with defect 0.
        coco: the JSON file: images, one annotation a defect with its run-length mask, and categories.
        read: gives the records; called twice.

    Raises:
        OutputError: a file cannot be written; the earlier one then stands.
    """
    survey = _Survey()
    with atomic(coco) as coco_part, _text(coco_part) as instances:
        instances.write('{\n"info": {"description": "Defects found by Flawscope"},\n"images": [')
        _write_list(instances, _images(read(), survey))
        instances.write('],\n"annotations": [')
        with atomic(table) as table_part, _text(table_part) as rows:
            writer = csv.DictWriter(rows, survey.header, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            _write_list(instances, _annotations(read(), survey.categories, writer))
        categories = [{"id": number, "name": label} for label, number in survey.categories.items()]
        instances.write(f'],\n"categories": {dumps(categories, indent=None)}\n}}\n')


def table_rows(record: Record) -> list[dict[str, Any]]:
    """One flat row a defect with its measures and the rules that spoke of it; defect 0 for a clean image."""
    calibration, verdict = record.get("calibration"), record.get("verdict")
    rows: list[dict[str, Any]] = [
        {**row, **{name: defect[name] for name in MEASURES if name in defect}}
        for row, defect in zip(defect_rows(record), record["defects"], strict=True)
    ] or [{"source": record["source"], "defect": 0}]
    if "in_part" in record:
        for row in rows:
            row[INSPECTED] = "in part"
    if calibration is not None:
        for row in rows:
            row["calibration"] = calibration["id"]
    if verdict is not None:
        for row in rows:
            row["image_verdict"], row["rules"] = verdict["outcome"], ""
        for finding in verdict["findings"]:
            for index in finding["defects"]:
                said = rows[index]["rules"]
                rows[index]["rules"] = f"{said}; {finding['rule']}" if said else finding["rule"]
    return rows


def _images(records: Iterable[Record], survey: _Survey) -> Iterator[Mapping[str, Any]]:
    for image_id, record in enumerate(records, start=1):
        survey.add(record)
        image = {
            "id": image_id,
            "file_name": record["source"],
            "width": record["width"],
            "height": record["height"],
        }
        verdict = record.get("verdict")
        yield image if verdict is None else {**image, "verdict": verdict["outcome"]}


def _annotations(
    records: Iterable[Record], categories: Mapping[str, int], rows: csv.DictWriter[str]
) -> Iterator[Mapping[str, Any]]:
    """Annotations, while the rows of the same records are written."""
    number = 0
    for image_id, record in enumerate(records, start=1):
        rows.writerows(table_rows(record))
        for defect in record["defects"]:
            number += 1
            annotation = {
                "id": number,
                "image_id": image_id,
                "category_id": categories[defect["label"]],
                "bbox": defect["box"],
                "area": defect["area_px"],
                "segmentation": defect["segmentation"],
                "score": defect["score"],
                "iscrowd": 0,
            }
            measured = {name: defect[name] for name in MEASURES if name in defect}
            yield {**annotation, "attributes": measured} if measured else annotation


def _write_list(target: TextIO, entries: Iterable[Mapping[str, Any]]) -> None:
    for number, entry in enumerate(entries):
        target.write((",\n" if number else "\n") + dumps(entry, indent=None))


def _text(path: Path) -> TextIO:
    """As ``outputs.write_text`` writes."""
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
