"""The two pictures of a run folder: curves of loss and IoU, and a sheet of validation images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from flawscope.images import resize, to_float, write_image
from flawscope.outputs import atomic
from flawscope.results import paint_hits
from flawscope.segment import binarize
from flawscope.segment.network import activate, finest
from flawscope.segment.preprocess import probabilities

if TYPE_CHECKING:
    from flawscope.train.module import SegmentationModule

matplotlib.use("Agg")

_TILE = 180
_SHEET_IMAGES = 16


def draw_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Training loss, validation IoU and learning rate against the epoch, as PNG."""
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(epochs, [row["loss"] for row in history], color="#1d3557", label="training loss")
    upper.set_ylabel("loss")
    upper.legend(loc="upper right")
    validated = [row for row in history if "val_iou_fg_image_mean" in row]
    if validated:
        lower.plot(
            [row["epoch"] for row in validated],
            [row["val_iou_fg_image_mean"] for row in validated],
            color="#2a9d8f",
            label="validation IoU at 0.5, image mean",
        )
        lower.set_ylim(0, 1)
        lower.legend(loc="lower right")
    lower.set_ylabel("IoU")
    lower.set_xlabel("epoch")
    rates = lower.twinx()
    rates.plot(epochs, [row["lr"] for row in history], color="#adb5bd", linestyle=":")
    rates.set_ylabel("learning rate", color="#868e96")
    rates.set_yscale("log")
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=110)


def draw_validation(module: SegmentationModule, loader: Any, path: Path) -> None:
    """Validation images beside their answers: hit white, false alarm red, miss green, as in the paper."""
    dataset = loader.dataset
    step = max(1, len(dataset) // _SHEET_IMAGES)
    cells: list[npt.NDArray[np.uint8]] = []
    for index in range(0, len(dataset), step)[:_SHEET_IMAGES]:
        item = dataset[index]
        with torch.no_grad():
            activated = activate(finest(module.network(item.inputs[None].to(module.device))).float())
        found = probabilities(activated[0].cpu().numpy(), *item.mask.shape)
        answer = paint_hits(binarize(found), item.mask)
        cells.append(np.hstack([_tile(item.image), _tile(answer)]))
    columns = 4
    while len(cells) % columns:
        cells.append(np.zeros_like(cells[0]))
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    write_image(path, np.vstack(rows))


def _tile(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Fit into a square tile with a dark border, keeping the aspect."""
    height, width = image.shape[:2]
    scale = (_TILE - 4) / max(height, width)
    small = resize(to_float(image), max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = np.full((_TILE, _TILE, 3), 30, dtype=np.uint8)
    top, left = (_TILE - small.shape[0]) // 2, (_TILE - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = cv2.convertScaleAbs(small, alpha=255)
    return canvas
