"""How well outlines meet: boundary F-measure and normalised surface distance.

The boundary of a mask are its pixels with a neighbour (above, below, left, right) outside the mask; beyond the
image there is no mask, so that a defect cut by the border of the image is closed there. Distances are Euclidean,
between pixel centres, and exact.

* boundary F: F1 of the share of answered boundary within the tolerance of the true one and the
  share of true boundary within the tolerance of the answered one (D. Martin et al., PAMI 2004, with nearest
  instead of matched pixels).
* normalised surface distance: boundary pixels of both masks within the tolerance of the other, over all boundary
  pixels of both (S. Nikolov et al., 2018, counting pixels).

Both are 1 when both masks are empty and 0 when one is.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Binary, as_binary, distance_to, same_shape

TOLERANCE = 2.0
"""Pixels; about what two annotators differ by."""

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)


def boundary(mask: npt.ArrayLike) -> Binary:
    """``(height, width)``: pixels of the mask with one of the four neighbours outside it."""
    region = as_binary(mask).view(np.uint8)
    inner = cv2.erode(region, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(inner != region)


def boundary_scores(
    answer: npt.ArrayLike, truth: npt.ArrayLike, *, tolerance: float = TOLERANCE
) -> tuple[float, float]:
    """Boundary F and normalised surface distance, each 0 to 1.

    Args:
        answer: ``(height, width)``, non-zero on a defect.
        truth: the same.
        tolerance: in pixels, at least 0.
    """
    answered, true = as_binary(answer), as_binary(truth)
    same_shape(answered, true)
    either = answered | true
    if not either.any():
        return 1.0, 1.0
    if not (answered.any() and true.any()):
        return 0.0, 0.0
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    edge, true_edge = boundary(answered[window]), boundary(true[window])
    near = distance_to(true_edge)[edge] <= tolerance
    true_near = distance_to(edge)[true_edge] <= tolerance
    precision, recall = near.mean(), true_near.mean()
    f = 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
    return float(f), float((near.sum() + true_near.sum()) / (near.size + true_near.size))


def boundary_f(answer: npt.ArrayLike, truth: npt.ArrayLike, *, tolerance: float = TOLERANCE) -> float:
    """Boundary F-measure at a tolerance in pixels."""
    return boundary_scores(answer, truth, tolerance=tolerance)[0]


def surface_distance(answer: npt.ArrayLike, truth: npt.ArrayLike, *, tolerance: float = TOLERANCE) -> float:
    """Normalised surface distance at a tolerance in pixels, 1 is perfect."""
    return boundary_scores(answer, truth, tolerance=tolerance)[1]
