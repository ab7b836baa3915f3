"""The ``evidence`` observation: does what the segmenter sees look like a defect, and does filtering help?

An agent that learns from five images cannot learn what a defect looks like. It can learn how the marks of a good
mask (the supports call its pixels likely, its border is a step in brightness, it agrees with the mask of the
unfiltered image) go together with its true IoU, which is much the same for every class.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.metrics import masks_iou

Floats = npt.NDArray[np.float32]
Binary = npt.NDArray[np.bool_]

MARKS = 20
"""Length of :func:`marks`."""

_KERNEL = np.ones((5, 5), np.uint8)


def marks(
    plane: Floats,
    original: Floats,
    foreground: Binary,
    first_foreground: Binary,
    probability: Floats,
    evidence: Floats,
    first_evidence: Floats,
) -> Floats:
    """Marks of a good mask, all of the order of 1.

    Args:
        plane: ``(h, w)``, M_t, 0 to 1.
        original: ``(h, w)``, M_0.
        foreground: ``(h, w)``, what the segmenter calls a defect on M_t.
        first_foreground: ``(h, w)``, the same on M_0.
        probability: ``(h, w)``, of any defect on M_t, 0 to 1.
        evidence: ``(h, w)``, where the supports expect defects on M_t, 0 to 1.
        first_evidence: ``(h, w)``, the same on M_0.

    Returns:
        ``(20,)`` ``float32``.
    """
    mask = foreground.astype(np.uint8)
    share = float(foreground.mean())
    inner = np.asarray(mask - cv2.erode(mask, _KERNEL), np.uint8)
    outer = np.asarray(cv2.dilate(mask, _KERNEL) - mask, np.uint8)
    spread, first_spread = float(plane.std()) + 0.02, float(original.std()) + 0.02
    now, first = _signed(evidence), _signed(first_evidence)
    sure = np.abs(2 * probability - 1)
    step = _contrast(original, inner, outer) / first_spread
    components = cv2.connectedComponents(mask, connectivity=8)[0] - 1
    values = [
        _soft_jaccard(foreground, np.maximum(now, 0)),
        _soft_jaccard(foreground, np.maximum(first, 0)),
        _soft_jaccard(foreground, evidence),
        _log_share(share),
        _log_share(float((now > 0).mean())),
        _log_share(float((first > 0).mean())),
        _mean(now, mask),
        _mean(now, 1 - mask),
        _mean(first, mask),
        _mean(first, 1 - mask),
        step,
        abs(step),
        abs(_contrast(plane, inner, outer)) / spread,
        abs(_contrast(original, mask, 1 - mask)) / first_spread,
        float(np.log1p(components)),
        float(inner.sum()) / (float(mask.sum()) + 1.0),
        masks_iou(foreground, first_foreground),
        float(sure.mean()),
        _mean(sure, mask),
        float(np.abs(plane - original).mean()) / first_spread,
    ]
    return np.asarray(values, dtype=np.float32)


def filter_changes(plane: Floats, responses: Floats, foreground: Binary) -> Floats:
    """``(2 n,)``: how much each filter changes the plane, and what it does to the step across the mask's edge.

    Args:
        plane: ``(h, w)``, M_t, 0 to 1.
        responses: ``(n, h, w)``, what each filter makes of it.
        foreground: ``(h, w)``, what the segmenter calls a defect on M_t.
    """
    mask = foreground.astype(np.uint8)
    spread = float(plane.std()) + 0.02
    before = _contrast(plane, mask, 1 - mask) / spread
    values = []
    for response in responses:
        values.append(float(np.abs(response - plane).mean()) / spread)
        values.append(_contrast(response, mask, 1 - mask) / (float(response.std()) + 0.02) - before)
    return np.asarray(values, dtype=np.float32)


def _signed(evidence: Floats) -> Floats:
    return 2 * evidence - 1


def _soft_jaccard(foreground: Binary, likely: Floats) -> float:
    together = float(likely[foreground].sum())
    return together / (float(likely.sum()) + float(foreground.sum()) - together + 1e-6)


def _log_share(share: float) -> float:
    return float(np.log(share + 1e-3)) / 4


def _mean(values: Floats, where: npt.NDArray[np.uint8]) -> float:
    return float(cv2.mean(values, where)[0])


def _contrast(values: npt.NDArray[Any], first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    return _mean(values, first) - _mean(values, second) if first.any() and second.any() else 0.0
