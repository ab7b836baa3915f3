"""Segmentation from a hint and no weights: GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004), through OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.images import Image, Mask, check_image, to_float, to_uint8
from flawscope.segment.base import Prompts, Segmentation
from flawscope.segment.description import Description
from flawscope.segment.prompting import check_prompts

GRABCUT = "grabcut"
_FOREGROUND = (cv2.GC_FGD, cv2.GC_PR_FGD)
_SMOOTHING = 1.0
_SEED = 0
_NO_BOX: Any = None


@dataclass(frozen=True)
class GrabCutSegmenter:
    """Two colour models and a smooth border, started from prompts; a :class:`flawscope.segment.Segmenter`.

    Its answers are 0 and 1. Images are taken as 8 bits (rounded), which is what OpenCV's colour models read. The same
    image and prompts give the same answer, bit for bit.

    Attributes:
        iterations: of fitting the colour models and cutting; 1 or more.
        radius: pixels, of the disc around a point that surely is what the point says; 0 for the point's pixel alone.

    Raises:
        UsageError: a parameter is out of its range.
    """

    iterations: int = 3
    radius: int = 3

    def __post_init__(self) -> None:
        for name, value, least in (("iterations", self.iterations, 1), ("radius", self.radius, 0)):
            if value < least:
                raise UsageError(f"{name} must be at least {least}, not {value}", where=GRABCUT)

    @property
    def name(self) -> str:
        """``"grabcut"``."""
        return GRABCUT

    @property
    def labels(self) -> tuple[str, ...]:
        """One class."""
        return ("defect",)

    @property
    def threshold(self) -> float:
        """Between 0 and 1, the only answers."""
        return 0.5

    def describe(self) -> Description:
        """The method and its parameters."""
        return Description(
            f"GrabCut, {self.iterations} iterations, points of radius {self.radius}", self.labels
        )

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """1 on what the prompts mean.

        Outside the boxes is surely background. Inside them, or on the mask (above one half), is foreground until the
        cut says otherwise. Points are sure. With points alone, what is connected to a point on the defect and nearer
        to its colour than to the image's median colour starts as foreground and the rest as background; the cut
        decides over all of it, and of its answer the connected regions that hold a point stay.

        Where nothing can be foreground, such as a box beside the image, the answer is empty; where nothing can be
        background, such as a box over the whole image, it is everything.

        Raises:
            ImageError: the image cannot be used.
            UsageError: there are no prompts, or none that says where the defect is, or they do not fit together.
        """
        image = check_image(image)
        height, width = image.shape[:2]
        checked = check_prompts(prompts, height, width)
        if checked is None or not (
            len(checked.boxes) or checked.mask is not None or (checked.point_labels == 1).any()
        ):
            raise UsageError(
                "GrabCut needs a hint where the defect is",
                where=GRABCUT,
                remedy="Give a box, a point on the defect or a rough mask",
            )
        trimap = start(image, checked, self.radius)
        mask = _cut(image, trimap, self.iterations)
        if not len(checked.boxes) and checked.mask is None:
            mask = _holding(mask, trimap == cv2.GC_FGD)
        return Segmentation(mask[None].astype(np.float32))


def start(image: Image, prompts: Prompts, radius: int) -> npt.NDArray[np.uint8]:
    """What GrabCut is told before its first cut: ``(height, width)`` of OpenCV's ``GC_`` values."""
    height, width = image.shape[:2]
    trimap = np.full((height, width), cv2.GC_PR_BGD, dtype=np.uint8)
    on, off = (prompts.points[prompts.point_labels == label] for label in (1, 0))
    if prompts.mask is not None:
        trimap[prompts.mask > 0.5] = cv2.GC_PR_FGD
    elif not len(prompts.boxes):
        trimap[_like(image, on, radius)] = cv2.GC_PR_FGD
    if len(prompts.boxes):
        inside = _inside(prompts.boxes, height, width)
        trimap[~inside] = cv2.GC_BGD
        if prompts.mask is None:
            trimap[inside] = cv2.GC_PR_FGD
    trimap[_discs(on, radius, height, width)] = cv2.GC_FGD
    trimap[_discs(off, radius, height, width)] = cv2.GC_BGD
    return trimap


def _cut(image: Image, trimap: npt.NDArray[np.uint8], iterations: int) -> Mask:
    possible = np.isin(trimap, _FOREGROUND)
    if possible.any() and not possible.all():
        decided = trimap.copy()
        background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(_SEED)  # its colour clusters start at random
        cv2.grabCut(
            to_uint8(image), decided, _NO_BOX, background, foreground, iterations, cv2.GC_INIT_WITH_MASK
        )
        possible = np.isin(decided, _FOREGROUND)
    return possible.astype(np.uint8)


def _inside(boxes: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.bool_]:
    """Pixels whose middles lie in a box; a box of no area has none."""
    inside = np.zeros((height, width), dtype=bool)
    for x, y, wide, high in boxes.astype(np.float64):
        left, right = np.clip(np.rint([x, x + wide]), 0, width).astype(int)
        top, bottom = np.clip(np.rint([y, y + high]), 0, height).astype(int)
        inside[top:bottom, left:right] = True
    return inside


def _discs(points: npt.NDArray[np.float32], radius: int, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Pixels within ``radius`` of a point."""
    inside = np.zeros((height, width), dtype=bool)
    rows, columns = np.ogrid[:height, :width]
    for x, y in np.rint(points.astype(np.float64)):
        inside |= (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return inside


def _like(image: Image, points: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.bool_]:
    """Pixels connected to a point through others nearer to its colour than to the image's median colour."""
    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(to_float(image), (0, 0), _SMOOTHING)
    common = _distance(smooth, np.median(smooth, axis=(0, 1)))
    found = np.zeros((height, width), dtype=bool)
    for point in points:
        disc = _discs(point[None], radius, height, width)
        if disc.any():
            alike = _distance(smooth, np.median(smooth[disc], axis=0)) < common
            found |= _holding((alike | disc).astype(np.uint8), disc) > 0
    return found


def _distance(image: npt.NDArray[Any], colour: npt.NDArray[Any]) -> npt.NDArray[Any]:
    distance: npt.NDArray[Any] = np.linalg.norm(image - colour, axis=2)
    return distance


def _holding(mask: Mask, seeds: npt.NDArray[np.bool_]) -> Mask:
    """The connected regions (8 neighbours) of ``mask`` that hold a seed."""
    _, numbers = cv2.connectedComponents(mask, connectivity=8)
    wanted = np.unique(numbers[seeds & (mask > 0)])
    return np.isin(numbers, wanted).astype(np.uint8)
