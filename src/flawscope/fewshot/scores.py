"""Figures of a few-shot task: class mIoU (Eq. 18), FB-IoU (Eq. 19) and how well outlines meet.

The paper does not say how it averages. Both ways are given: ``pooled`` sums intersections and unions over the
query images of a class before dividing, ``image_mean`` averages the IoUs of the images. Masks that are both empty
have an IoU and a boundary F of 1; 0 where one is (the rule of ``flawscope.metrics``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.metrics import boundary_f, confusion, fb_iou, iou_fg

ImageScore = dict[str, Any]
"""One query image under one method: ``class``, ``image``, ``round``, ``pixels`` (true negatives, false positives,
false negatives, true positives), ``iou``, ``boundary_f`` and, where the manifest says so, ``piece``: the physical
piece it shows."""

FIGURES = {
    "class_miou_pooled": "class mIoU, pooled",
    "class_miou_image_mean": "class mIoU, image mean",
    "fb_iou_pooled": "FB-IoU, pooled",
    "fb_iou_class_mean": "FB-IoU, mean of classes",
    "boundary_f": "boundary F, 2 px",
}
"""Overall figures and what to call them: class mIoU is the mean over the classes of their foreground IoU; FB-IoU
pooled counts the pixels of all classes together; boundary F is the mean over classes of the mean over images."""


def score(
    answer: npt.NDArray[np.bool_],
    truth: npt.NDArray[np.bool_],
    name: str,
    image: str,
    number: int | None = None,
) -> ImageScore:
    """Compare one answer with the truth.

    Args:
        answer: ``(h, w)``.
        truth: the same.
        name: of the class.
        image: name of the image.
        number: of the round that was kept, if rounds were played.
    """
    matrix = confusion(answer, truth)
    return {
        "class": name,
        "image": image,
        "round": number,
        "pixels": matrix.ravel().tolist(),
        "iou": float(iou_fg(matrix)),
        "boundary_f": boundary_f(answer, truth),
    }


def class_figures(scores: Sequence[ImageScore]) -> dict[str, float]:
    """Figures of one class from the scores of its images."""
    matrix = _pooled(scores)
    return {
        "images": len(scores),
        "iou_pooled": float(iou_fg(matrix)),
        "iou_image_mean": float(np.mean([one["iou"] for one in scores])),
        "fb_iou_pooled": float(fb_iou(matrix)),
        "boundary_f": float(np.mean([one["boundary_f"] for one in scores])),
    }


def figures(scores: Iterable[ImageScore]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Figures over all classes (the keys of ``FIGURES``), and those of each class by its name."""
    parts: dict[str, list[ImageScore]] = {}
    for one in scores:
        parts.setdefault(one["class"], []).append(one)
    classes = {name: class_figures(part) for name, part in parts.items()}
    whole = {
        "class_miou_pooled": _mean(classes, "iou_pooled"),
        "class_miou_image_mean": _mean(classes, "iou_image_mean"),
        "fb_iou_pooled": float(fb_iou(_pooled([one for part in parts.values() for one in part]))),
        "fb_iou_class_mean": _mean(classes, "fb_iou_pooled"),
        "boundary_f": _mean(classes, "boundary_f"),
    }
    return whole, classes


def _mean(classes: Mapping[str, Mapping[str, float]], figure: str) -> float:
    return float(np.mean([one[figure] for one in classes.values()]))


def _pooled(scores: Sequence[ImageScore]) -> npt.NDArray[np.int64]:
    summed: npt.NDArray[np.int64] = np.sum([one["pixels"] for one in scores], axis=0).reshape(2, 2)
    return summed
