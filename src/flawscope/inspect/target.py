"""Millimetres a pixel from the picture of a target: a checkerboard or a grid of dots.

The target's grid is known in millimetres, so one affine map from it to pixels says how long a step along x and along
y is, however the target is turned. What the map leaves over says whether the picture can be trusted: a tilted camera
makes the scale run over the field, blur makes edges wide. Blur moves no centre of a dot, so pictures of dots are not
refused for it.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import to_plane
from flawscope.errors import DataError
from flawscope.images import Image
from flawscope.inspect.calibration import Target

Points = npt.NDArray[np.float64]

_UNTIL = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 0.001)

LARGEST_SPREAD = 0.01
"""Of the scale over the field; more is a tilted camera."""

LARGEST_SKEW = 0.01
"""Cosine of the angle between the target's sides on the surface, which is 0."""

LARGEST_BLUR = 0.25
"""Width of the edges, from 10 to 90 % of the step, in pitches."""

LARGEST_RESIDUAL = 0.02
"""Root mean square distance of the points from the map, in pitches."""


def measure_target(
    image: Image,
    pitch_mm: float,
    points: tuple[int, int],
    *,
    pattern: Literal["checkerboard", "dots"] = "checkerboard",
    picture: str = "image",
) -> tuple[float, float, Target]:
    """Millimetres a pixel along x and y, and how far the picture agrees.

    Args:
        image: in the convention of ``flawscope.images``.
        pitch_mm: distance of neighbouring corners or dots.
        points: inner corners, or dots, along the two sides of the target.
        pattern: ``checkerboard`` (inner corners, to a fraction of a pixel) or ``dots`` (dark on bright, in rows and
            columns).
        picture: its name, for errors.

    Raises:
        DataError: the target is not found whole, or the picture is tilted, skewed or blurred.
    """
    grey = np.rint(to_plane(image) * 255).astype(np.uint8)
    found = _corners(grey, points) if pattern == "checkerboard" else _dots(grey, points)
    if found is None:
        what = "inner corners" if pattern == "checkerboard" else "dots"
        raise DataError(
            f"no {pattern} of {points[0]}x{points[1]} {what} found",
            where=picture,
            remedy="Give --points as counted on the target, show it whole with a bright margin, and light it evenly",
        )
    return _evaluated(found, grey, pitch_mm, points, pattern, picture)


def _corners(grey: npt.NDArray[np.uint8], points: tuple[int, int]) -> Points | None:
    flags = cv2.CALIB_CB_ACCURACY | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_NORMALIZE_IMAGE
    done, corners = cv2.findChessboardCornersSB(grey, points, flags=flags)
    if not done:
        return None
    steps = np.linalg.norm(np.diff(corners.reshape(points[1], points[0], 2), axis=1), axis=2)
    reach = max(2, int(steps.min() / 4))
    cv2.cornerSubPix(grey, corners, (reach, reach), (-1, -1), _UNTIL)
    return corners.reshape(points[1], points[0], 2).astype(np.float64)


def _dots(grey: npt.NDArray[np.uint8], points: tuple[int, int]) -> Points | None:
    done, centres = cv2.findCirclesGrid(grey, points, flags=cv2.CALIB_CB_SYMMETRIC_GRID)
    if not done:
        done, centres = cv2.findCirclesGrid(
            grey, points, flags=cv2.CALIB_CB_SYMMETRIC_GRID | cv2.CALIB_CB_CLUSTERING
        )
    return centres.reshape(points[1], points[0], 2).astype(np.float64) if done else None


def _evaluated(
    found: Points,
    grey: npt.NDArray[np.uint8],
    pitch_mm: float,
    points: tuple[int, int],
    pattern: Literal["checkerboard", "dots"],
    picture: str,
) -> tuple[float, float, Target]:
    rows, columns = np.mgrid[: points[1], : points[0]]
    grid = np.stack([columns.ravel(), rows.ravel(), np.ones(found.shape[0] * found.shape[1])], axis=1)
    flat = found.reshape(-1, 2)
    affine, *_ = np.linalg.lstsq(grid, flat, rcond=None)
    steps = affine[:2].T  # pixels along (x, y) for a step along either side of the target
    residual = float(np.sqrt(((grid @ affine - flat) ** 2).sum(axis=1).mean()))
    x_step, y_step = np.linalg.norm(steps, axis=1)
    per_px = pitch_mm / x_step, pitch_mm / y_step
    spread = _spread(grid, flat)
    skew = float(abs(steps[0] @ steps[1]) / (x_step * y_step))
    pitch = float(np.sqrt(abs(np.linalg.det(steps))))
    blur = _edge_width(grey, found) / pitch if pattern == "checkerboard" else 0.0
    for value, limit, what, remedy in (
        (blur, LARGEST_BLUR, f"blurred: edges are {blur:.0%} of a square wide", "Focus the camera"),
        (spread, LARGEST_SPREAD, f"tilted: the scale runs over {spread:.1%} of itself", "Face the surface squarely"),
        (skew, LARGEST_SKEW, f"skewed: its right angles are off by {np.degrees(skew):.1f} degrees",
         "Move the target straight along y, and keep it flat"),
        (residual / pitch, LARGEST_RESIDUAL, f"uneven: points lie {residual:.2f} pixels off on average",
         "Use a flat, exact target, a sharp picture and a steady speed"),
    ):  # fmt: skip
        if value > limit:
            raise DataError(f"the picture of the target is {what}", where=picture, remedy=remedy)
    target = Target(
        pattern=pattern,
        pitch_mm=pitch_mm,
        points=points,
        residual_px=round(residual, 4),
        spread=round(spread, 5),
        picture=picture,
    )
    return float(per_px[0]), float(per_px[1]), target


def _spread(grid: Points, flat: Points) -> float:
    """Largest less smallest scale of a projective map over the corners of the field, divided by their mean."""
    projective, _ = cv2.findHomography(grid[:, :2], flat)
    ends = [(grid[:, 0].min(), grid[:, 0].max()), (grid[:, 1].min(), grid[:, 1].max())]
    scales: list[Any] = []
    for x in ends[0]:
        for y in ends[1]:
            u, v, w = projective @ (x, y, 1.0)
            across = (projective[0, :2] * w - u * projective[2, :2]) / w**2
            down = (projective[1, :2] * w - v * projective[2, :2]) / w**2
            scales.append((np.linalg.norm(across), np.linalg.norm(down)))
    along = np.array(scales)
    return float(((along.max(axis=0) - along.min(axis=0)) / along.mean(axis=0)).max())


def _edge_width(grey: npt.NDArray[np.uint8], found: Points) -> float:
    """Pixels over which the edges between squares rise, by OpenCV."""
    sharpness, _ = cv2.estimateChessboardSharpness(
        grey, (found.shape[1], found.shape[0]), found.reshape(-1, 1, 2).astype(np.float32)
    )
    return float(np.ravel(sharpness)[0])
