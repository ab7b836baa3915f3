"""What the degradations look like, on a drawn surface; no photograph of a dataset is shown."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data.synthetic import draw
from flawscope.evaluate.robustness.sheet import Degradation
from flawscope.images import Image, Mask

_SIDE, _GAP, _LABEL = 144, 6, 20
_OUTLINE = np.array((230, 57, 70), dtype=np.uint8)
_SEED = 5


def example_sheet(chosen: Sequence[Degradation], seed: int = _SEED) -> npt.NDArray[np.uint8]:
    """A row for each degradation, untouched first; the true mask is outlined. ``(height, width, 3)`` RGB."""
    image, mask, _ = draw(seed, _SIDE, _SIDE, surface="steel", clean_probability=0)
    columns = 1 + max(len(one.degrees) for one in chosen)
    rows = []
    for one in chosen:
        cells = [
            _cell(
                *one.degrade(image, mask, degree, "example"),
                f"{one.name}: untouched" if degree == 0 else f"{one.degrees[degree - 1]:g}",
            )
            for degree in range(len(one.degrees) + 1)
        ]
        cells += [np.full_like(cells[0], 255)] * (columns - len(cells))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _cell(image: Image, mask: Mask, label: str) -> npt.NDArray[np.uint8]:
    """An image with its mask outlined, its middle where it is larger than others, and a label below."""
    true = (mask > 0).astype(np.uint8)
    outline = (cv2.dilate(true, np.ones((3, 3), np.uint8)) > 0) & (true == 0)
    shown = image.copy()
    shown[outline] = _OUTLINE
    top, left = (max(0, (side - _SIDE) // 2) for side in mask.shape)
    shown = shown[top : top + _SIDE, left : left + _SIDE]
    cell = np.full((_SIDE + _LABEL + _GAP, _SIDE + _GAP, 3), 255, dtype=np.uint8)
    top, left = (_SIDE - shown.shape[0]) // 2, (_SIDE - shown.shape[1]) // 2
    cell[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.32
    cv2.putText(cell, label, (2, _SIDE + 14), font, size, (30, 30, 30), 1, cv2.LINE_AA)
    return cell
