"""Everything done so far as one CSV table and as COCO instances."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from flawscope.results import ROW_COLUMNS, defect_rows

Record = dict[str, Any]
"""One line of ``results.jsonl``: ``InspectionResult.to_json`` with ``key``, ``files`` and run-length masks."""


def table(records: Iterable[Record]) -> str:
    """CSV text: one row a defect; a clean image has one row with defect 0."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ROW_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for record in records:
        if not record["defects"]:
            writer.writerow({"source": record["source"], "defect": 0})
        writer.writerows(defect_rows(record))
    return text.getvalue()


def coco(records: Iterable[Record]) -> dict[str, Any]:
    """COCO instances: images, categories and one annotation a defect with its run-length mask."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    for image_id, record in enumerate(records, start=1):
        for label in record["labels"]:
            categories.setdefault(label, len(categories) + 1)
        images.append(
            {
                "id": image_id,
                "file_name": record["source"],
                "width": record["width"],
                "height": record["height"],
            }
        )
        for defect in record["defects"]:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": categories[defect["label"]],
                    "bbox": defect["box"],
                    "area": defect["area_px"],
                    "segmentation": defect["segmentation"],
                    "score": defect["score"],
                    "iscrowd": 0,
                }
            )
    return {
        "info": {"description": "Defects found by Flawscope"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
    }
