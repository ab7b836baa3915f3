"""Answers against truth in the paper's colours (its Fig. 6): hit white, false alarm red, miss green."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.evaluate.judging import Judged
from flawscope.images import Mask, to_uint8, write_image
from flawscope.results import paint_hits

Ground = Literal["black", "image"]
Choice = Literal["worst", "spread"]
Picture = npt.NDArray[np.uint8]

_OPACITY = 0.6
_SHEET_IMAGES = 24
_SHEET_COLUMNS = 3
_SHEET_HEIGHT, _SHEET_WIDTH = 150, 600
_SHEET_GREY = 64
_LEGEND_HEIGHT, _LEGEND_WIDTH, _LEGEND_SQUARE, _LEGEND_GAP = 28, 520, 14, 14


def paint(judged: Judged, ground: Ground = "black") -> Picture:
    """One answer against its truth, ``(height, width, 3)`` RGB.

    Args:
        judged: the image.
        ground: ``"black"`` as in the paper, or ``"image"`` to tint the image itself.
    """
    painted = paint_hits(judged.answer, judged.truth)
    if ground == "black":
        return painted
    canvas = to_uint8(judged.image).astype(np.float32)
    touched: Mask = ((judged.answer > 0) | (judged.truth > 0)).astype(np.uint8)
    inside = touched > 0
    canvas[inside] = canvas[inside] * (1 - _OPACITY) + painted[inside].astype(np.float32) * _OPACITY
    return np.rint(canvas).astype(np.uint8)


def panel(judged: Judged, ground: Ground = "black") -> Picture:
    """Image, soft map and painted answer side by side."""
    soft = np.minimum(judged.probability.sum(axis=0), 1.0)
    grey = np.repeat(np.rint(soft * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    bar = np.full((grey.shape[0], max(2, grey.shape[1] // 50), 3), 96, dtype=np.uint8)
    return np.hstack([to_uint8(judged.image), bar, grey, bar, paint(judged, ground)])


@dataclass
class Overlays:
    """Chooses images while they are judged, and writes their panels.

    Attributes:
        folder: where to; nothing is written before :meth:`write`.
        wanted: how many at most.
        total: how many images will be judged, for an even choice.
        choice: the worst by IoU, or evenly spread over the dataset.
        ground: see :func:`paint`.
    """

    folder: Path
    wanted: int
    total: int
    choice: Choice = "worst"
    ground: Ground = "black"
    _seen: int = 0
    _kept: list[tuple[float, int, str, Picture]] = field(default_factory=list)

    def watch(self, judged: Judged) -> None:
        """Consider one image."""
        place = self._seen
        self._seen += 1
        if self.wanted == 0:
            return
        iou = float(judged.row["iou_fg"])
        iou = 0.0 if np.isnan(iou) else iou
        if self.choice == "spread":
            # the place where another of `wanted` even steps begins
            if place * self.wanted // self.total != (place - 1) * self.wanted // self.total:
                self._kept.append((iou, place, judged.sample.name, panel(judged, self.ground)))
        elif len(self._kept) < self.wanted:
            heapq.heappush(self._kept, (-iou, -place, judged.sample.name, panel(judged, self.ground)))
        elif -iou > self._kept[0][0]:
            heapq.heapreplace(self._kept, (-iou, -place, judged.sample.name, panel(judged, self.ground)))

    def write(self) -> list[Path]:
        """Write ``01_iou0.123_NAME.png`` and so on, and ``sheet.png`` with up to 24 of them above a legend.

        Overlays of an earlier evaluation in the same folder are removed.

        Raises:
            OutputError: the folder cannot be written to.
        """
        chosen = sorted(self._kept, key=lambda kept: (abs(kept[0]), abs(kept[1])))
        if self.choice == "spread":
            chosen.sort(key=lambda kept: kept[1])
        for old in self.folder.glob("[0-9]*_iou[01].[0-9][0-9][0-9]_*.png"):
            old.unlink()
        written = []
        for rank, (iou, _, name, picture) in enumerate(chosen, start=1):
            flat = re.sub(r"[^\w.-]+", "_", name)[-100:]
            written.append(write_image(self.folder / f"{rank:02d}_iou{abs(iou):.3f}_{flat}.png", picture))
        if chosen:
            sheet = _with_legend(_sheet([picture for *_, picture in chosen[:_SHEET_IMAGES]]))
            written.append(write_image(self.folder / "sheet.png", sheet))
        return written


def _sheet(pictures: list[Picture]) -> Picture:
    """Pictures at one height in rows, on grey; those of long strips lower, so that none makes the sheet huge."""
    small: list[Picture] = []
    for picture in pictures:
        height, width = picture.shape[:2]
        scale = min(_SHEET_HEIGHT / height, _SHEET_WIDTH / width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8))
    columns = min(_SHEET_COLUMNS, len(small))
    rows = -(-len(small) // columns)
    widest = max(picture.shape[1] for picture in small)
    pitch_y, pitch_x = _SHEET_HEIGHT + 6, widest + 6
    sheet = np.full((rows * pitch_y, columns * pitch_x, 3), _SHEET_GREY, dtype=np.uint8)
    for number, picture in enumerate(small):
        top, left = number // columns * pitch_y + 3, number % columns * pitch_x + 3
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _with_legend(sheet: Picture) -> Picture:
    """The sheet with a strip below it that names the colours, widened where the strip is wider."""
    legend = _legend()
    width = max(sheet.shape[1], legend.shape[1])
    canvas = np.full((sheet.shape[0] + legend.shape[0], width, 3), _SHEET_GREY, dtype=np.uint8)
    canvas[: sheet.shape[0], : sheet.shape[1]] = sheet
    canvas[sheet.shape[0] :, : legend.shape[1]] = legend
    return canvas


def _legend() -> Picture:
    """A strip: what stands side by side, then a square of each colour and its word."""
    strip = np.full((_LEGEND_HEIGHT, _LEGEND_WIDTH, 3), _SHEET_GREY, dtype=np.uint8)
    left = _write(strip, "image | map | answer against truth:", _LEGEND_GAP)
    for word, answered, true in (("hit", 1, 1), ("false alarm", 1, 0), ("miss", 0, 1)):
        pixel = paint_hits(np.full((1, 1), answered, np.uint8), np.full((1, 1), true, np.uint8))
        top, side = (_LEGEND_HEIGHT - _LEGEND_SQUARE) // 2, _LEGEND_SQUARE
        strip[top : top + side, left : left + side] = pixel[0, 0]
        left = _write(strip, word, left + side + _LEGEND_GAP // 2)
    return strip


def _write(strip: Picture, words: str, left: int) -> int:
    """Write on the strip, and return where the next thing may begin."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    (width, _), _ = cv2.getTextSize(words, font, size, 1)
    cv2.putText(strip, words, (left, _LEGEND_HEIGHT - 9), font, size, (255, 255, 255), 1, cv2.LINE_AA)
    return left + int(width) + _LEGEND_GAP
