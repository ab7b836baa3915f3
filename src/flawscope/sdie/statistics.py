"""The ``statistics`` observation: an image, its filtered versions and its segmentation in a short vector."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Binary = npt.NDArray[np.bool_]

_LEVELS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
_PLANE, _RESPONSE, _SEEN = 11 + len(_LEVELS), 4, 16


def statistics_size(filters: int) -> int:
    """Length of :func:`statistics` for a bank of so many filters."""
    return _PLANE + _RESPONSE * filters + _SEEN + 1


def statistics(
    plane: Floats,
    original: Floats,
    responses: Floats,
    foreground: Binary,
    first_foreground: Binary,
    probability: Floats,
    quality: float | None,
    progress: float,
) -> Floats:
    """Numbers about one state of the game, all of the order of 1.

    Args:
        plane: ``(h, w)``, M_t, 0 to 1.
        original: ``(h, w)``, M_0.
        responses: ``(n, h, w)``, what each filter makes of M_t.
        foreground: ``(h, w)``, what the segmenter calls a defect on M_t.
        first_foreground: ``(h, w)``, the same on M_0.
        probability: ``(h, w)``, of any defect on M_t, 0 to 1.
        quality: the segmenter's own estimate of its IoU, None where it makes none.
        progress: t / T, 0 to 1.

    Returns:
        ``(18 + 4 n + 16 + 1,)`` ``float32``: tones and edges of the plane; for each filter how much it changes,
        contrast, edges and the step between the segmenter's two sides afterwards; size, shape, place,
        confidence and contrast of what the segmenter sees; progress.
    """
    pixels = plane.size
    inside = int(np.count_nonzero(foreground))
    mask, outside = foreground.astype(np.uint8), pixels - inside
    mean, spread = _moments(plane)
    edges = _edges(plane)
    values = _tones(plane, original, mean, spread, edges)
    for response in responses:
        centre, deviation = _moments(response)
        values += [
            float(cv2.norm(response, plane, cv2.NORM_L1)) / pixels * 10,
            deviation / (spread + 0.02),
            _edges(response) / (edges + 0.02),
            _step(response, mask, inside, outside, centre, deviation),
        ]
    values += _shape(foreground, mask, first_foreground, inside, outside)
    values += [
        float(probability.mean()),
        float(cv2.mean(probability, mask)[0]) if inside else 0.0,
        float(np.count_nonzero((probability > 0.2) & (probability < 0.8))) / pixels,
        0.5 if quality is None else quality,
        _step(plane, mask, inside, outside, mean, spread),
        _spread_inside(plane, mask, inside) / (spread + 0.02),
    ]
    values.append(progress)
    return np.asarray(values, dtype=np.float32)


def _tones(plane: Floats, original: Floats, mean: float, spread: float, edges: float) -> list[float]:
    counts = cv2.calcHist([plane], [0], None, [256], [0.0, 1.0 + 1e-6]).ravel()
    share = np.cumsum(counts) / max(float(counts.sum()), 1.0)
    levels = [float(np.searchsorted(share, level)) / 255 for level in _LEVELS]
    rough = cv2.Laplacian(plane, cv2.CV_32F)
    coarse = cv2.resize(plane, (12, 12), interpolation=cv2.INTER_AREA)
    centred = (plane - np.float32(mean)) / np.float32(spread + 0.02)
    squares = centred * centred
    change = np.subtract(plane, original, dtype=np.float32)
    return [
        mean,
        spread * 4,
        *levels,
        edges * 10,
        float(cv2.norm(rough, cv2.NORM_L1)) / plane.size * 10,
        _moments(rough)[1] * 10,
        float((squares * centred).mean()),
        float((squares * squares).mean()) / 10,
        float(coarse.std()) * 4,
        float(np.abs(np.diff(coarse, axis=0)).mean() - np.abs(np.diff(coarse, axis=1)).mean()) * 10,
        float(np.abs(change).mean()) * 10,
        _moments(change)[1] * 10,
    ]


def _shape(
    foreground: Binary, mask: npt.NDArray[np.uint8], before: Binary, inside: int, outside: int
) -> list[float]:
    height, width = foreground.shape
    pixels = inside + outside
    count, _, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    border = int(np.count_nonzero(mask[:, 1:] != mask[:, :-1]) + np.count_nonzero(mask[1:] != mask[:-1]))
    rim = int(mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum())
    together = int(np.count_nonzero(foreground & before))
    union = inside + int(np.count_nonzero(before)) - together
    if inside:
        largest = int(areas.argmax()) + 1
        place = [float(value) for value in centres[largest] / (width, height)]
        reach = [
            float(stats[largest, cv2.CC_STAT_WIDTH]) / width,
            float(stats[largest, cv2.CC_STAT_HEIGHT]) / height,
        ]
        share = float(areas.max()) / inside
    else:
        place, reach, share = [0.5, 0.5], [0.0, 0.0], 0.0
    return [
        inside / pixels,
        float(np.log1p(count - 1)),
        share,
        *place,
        *reach,
        float(np.log1p(border / np.sqrt(inside + 1.0))),
        rim / (2 * (height + width)),
        together / union if union else 1.0,
    ]


def _moments(values: npt.NDArray[Any]) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0]), float(deviation[0, 0])


def _edges(values: Floats) -> float:
    across = float(cv2.norm(values[:, 1:], values[:, :-1], cv2.NORM_L1))
    down = float(cv2.norm(values[1:], values[:-1], cv2.NORM_L1))
    return (across + down) / values.size


def _step(
    values: Floats, mask: npt.NDArray[np.uint8], inside: int, outside: int, mean: float, deviation: float
) -> float:
    """Difference between the means of the segmenter's two sides, in standard deviations."""
    if not inside or not outside:
        return 0.0
    within = float(cv2.mean(values, mask)[0])
    without = (mean * (inside + outside) - within * inside) / outside
    return (within - without) / (deviation + 0.02)


def _spread_inside(values: Floats, mask: npt.NDArray[np.uint8], inside: int) -> float:
    return float(cv2.meanStdDev(values, mask=mask)[1][0, 0]) if inside else 0.0
