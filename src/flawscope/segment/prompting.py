"""Prompts as segmenters take them: checked, and divided into the objects they speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError
from flawscope.segment.base import Prompts


@dataclass(frozen=True, slots=True)
class PromptedObject:
    """What is said about one thing to segment.

    Attributes:
        points: ``(n, 2)`` of ``(x, y)`` in pixels.
        point_labels: ``(n,)``, 1 on it, 0 beside it.
        box: ``(left, top, right, bottom)`` in pixels, or None.
        mask: ``(height, width)`` a rough mask, 0 to 1, or None.
    """

    points: npt.NDArray[np.float32]
    point_labels: npt.NDArray[np.int64]
    box: npt.NDArray[np.float32] | None = None
    mask: npt.NDArray[np.float32] | None = None


def check_prompts(prompts: Prompts | None, height: int, width: int) -> Prompts | None:
    """The prompts with arrays of the documented kinds, or None where they say nothing.

    Places outside the image are allowed.

    Raises:
        UsageError: shapes that do not fit together, labels other than 0 and 1, or values that are not finite.
    """
    if prompts is None:
        return None
    points = np.asarray(prompts.points, dtype=np.float32).reshape(-1, 2)
    labels = np.asarray(prompts.point_labels)
    boxes = np.asarray(prompts.boxes, dtype=np.float32).reshape(-1, 4)
    if labels.shape != (len(points),):
        raise _wrong(f"{len(points)} points have {labels.size} labels", "Give one label for each point")
    if not np.isin(labels, (0, 1)).all():
        raise _wrong("a point's label is neither 0 nor 1", "Use 1 on the defect and 0 on the background")
    if not (np.isfinite(points).all() and np.isfinite(boxes).all()):
        raise _wrong("a point or box is not a finite number", "Give pixels of the original image")
    if (boxes[:, 2:] < 0).any():
        raise _wrong("a box has a negative width or height", "Boxes are (x, y, width, height)")
    mask = None if prompts.mask is None else np.asarray(prompts.mask, dtype=np.float32)
    if mask is not None:
        if mask.shape != (height, width):
            raise _wrong(
                f"a mask of {mask.shape} for an image of {(height, width)}", "Give it the image's size"
            )
        if not ((mask >= 0) & (mask <= 1)).all():
            raise _wrong("a mask has values outside 0 to 1", "Give probabilities, or 0 and 1")
    if not len(points) and not len(boxes) and mask is None:
        return None
    return Prompts(points, labels.astype(np.int64), boxes, mask)


def objects_of(prompts: Prompts) -> list[PromptedObject]:
    """The objects that checked prompts speak of; what is segmented is their union.

    Without boxes all points and the mask are about one object. Otherwise each box is an object with the points that
    lie in it; points on the defect outside every box are one more, with all points on the background. The mask
    belongs to each.
    """
    corners = np.concatenate([prompts.boxes[:, :2], prompts.boxes[:, :2] + prompts.boxes[:, 2:]], axis=1)
    if not len(corners):
        return [PromptedObject(prompts.points, prompts.point_labels, None, prompts.mask)]
    inside = np.array(
        [((prompts.points >= box[:2]) & (prompts.points <= box[2:])).all(axis=1) for box in corners]
    )
    objects = [
        PromptedObject(prompts.points[within], prompts.point_labels[within], box, prompts.mask)
        for box, within in zip(corners, inside, strict=True)
    ]
    stray = ~inside.any(axis=0) & (prompts.point_labels == 1)
    if stray.any():
        chosen = stray | (prompts.point_labels == 0)
        objects.append(
            PromptedObject(prompts.points[chosen], prompts.point_labels[chosen], None, prompts.mask)
        )
    return objects


def _wrong(what: str, remedy: str) -> UsageError:
    return UsageError(what, where="prompts", remedy=remedy)
