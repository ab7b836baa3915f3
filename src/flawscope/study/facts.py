"""What a finished run keeps: figures, the curve of its training, the size of its network."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from flawscope.errors import FlawscopeError
from flawscope.evaluate import Evaluation
from flawscope.segment.loading import LoadedSegmenter
from flawscope.study.store import IMAGE_FIGURES

_KEPT = (
    "data",
    "images",
    "failures",
    "notes",
    "figures",
    "intervals_95",
    "calibrated_threshold",
    "figures_calibrated",
    "classes",
)


def figures_of(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of an evaluation, and those of each kind of image."""
    whole = evaluation.to_json()
    kinds = {name: part["figures"] for name, part in whole["kinds"].items()}
    return {name: whole[name] for name in _KEPT} | {"kinds": kinds}


def images_of(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Three figures of every image, with its kind and the piece it shows where they are known."""
    return {
        row["name"]: {
            **{name: None if row[name] is None else round(row[name], 4) for name in IMAGE_FIGURES},
            **{name: row[name] for name in ("kind", "group") if row[name] is not None},
        }
        for row in evaluation.rows
    }


def training_facts(folder: Path, recipe: dict[str, Any], images: int) -> dict[str, Any]:
    """How a training went, from its run folder.

    Args:
        folder: of the run.
        recipe: how it was told to optimise.
        images: of the training part.
    """
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {"epoch": "epoch", "loss": "loss", "val_iou_fg_image_mean": "validation_iou"}
    curve = {
        ours: [round(float(row[theirs]), 5) if row.get(theirs) else None for row in rows]
        for theirs, ours in names.items()
    }
    machine = json.loads((folder / "env.json").read_text(encoding="utf-8"))
    machine.pop("command")  # it names folders of the machine
    return {
        "images": images,
        "passes": images * metrics["epochs"],
        "epochs": metrics["epochs"],
        "seconds": metrics["seconds"],
        "best_epoch": metrics["best_epoch"],
        "val_score": metrics["val_score"],
        "threshold": metrics["threshold"],
        "recipe": recipe,
        "machine": machine,
        "curve": curve,
    }


def minutes_spent(folder: Path) -> float:
    """How long the training in a run folder has taken so far; 0 before its first epoch ends."""
    try:
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return 0.0
    return float(rows[-1]["seconds"]) / 60 if rows else 0.0


def network_facts(answerer: object) -> dict[str, Any] | None:
    """Size and cost of a network; None for maps and exported files, whose parts are not counted."""
    if not isinstance(answerer, LoadedSegmenter):
        return None
    from flawscope.nets import build, multiply_adds, parameters

    header = answerer.header
    try:
        import torch

        with torch.device("meta"):
            network = build(header.model, channels=header.channels, **header.options)
            cost = multiply_adds(network, *header.imgsz)
    except (FlawscopeError, ModuleNotFoundError):
        return None
    return {
        "model": header.model,
        "options": header.options,
        "imgsz": list(header.imgsz),
        "parameters": parameters(network),
        "multiply_adds": cost,
    }
