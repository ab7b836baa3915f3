"""Weighted least squares smoothing (Farbman et al., 2008), solved exactly, or fast and nearly.

The smooth plane u minimises sum (u - g)^2 + lambda * sum w_pq (u_p - u_q)^2 over neighbours p, q (four a pixel),
with w_pq = 1 / (|l_p - l_q|^alpha + 1e-4), where l = log(g + 1e-4) is the log-luminance. That is the sparse
system (I + lambda L) u = g with five entries a row.

The fast way is the fast global smoother (Min et al., 2014): one-dimensional systems along rows and columns in
turn. OpenCV has it with the weights exp(-|difference of an 8-bit guide| / sigma_color); here the guide is the
log-luminance stretched over its own range, and lambda and sigma_color follow from Farbman's parameters so that
both weights agree at two differences of log-luminance. ``docs/enhance.md`` says how far the two are apart.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from flawscope.enhance.limits import Limit, check
from flawscope.enhance.planes import Plane, clip

LIMITS = {"lambda_": Limit(0, 100), "alpha": Limit(0.1, 4)}

_SMALL = 1e-4
_AGREE_AT = (0.1, 0.4)
"""Where the fast weights equal Farbman's: the pair whose results came nearest, of those tried on drawn images."""


def wls(plane: Plane, lambda_: float = 1.0, alpha: float = 1.2) -> Plane:
    """Smooth within regions and keep edges, fast: about Farbman's result, in about a millisecond.

    Args:
        plane: ``(h, w)`` luminance.
        lambda_: how smooth, 0 (not at all) to 100.
        alpha: how strongly edges of log-luminance are kept, 0.1 to 4.

    Returns:
        ``(h, w)``, cut to 0 to 1.

    Raises:
        UsageError: a parameter out of range.
    """
    check("wls", LIMITS, lambda_=lambda_, alpha=alpha)
    light = np.log(plane + np.float32(_SMALL))
    lowest = float(light.min())
    span = float(light.max()) - lowest
    if span <= 0:
        return plane.copy()
    guide = np.rint((light - np.float32(lowest)) * np.float32(255 / span)).astype(np.uint8)
    grain, edge = _AGREE_AT
    sigma = (edge - grain) / math.log(_weight(grain, alpha) / _weight(edge, alpha))
    strength = lambda_ * _weight(grain, alpha) * math.exp(grain / sigma)
    return clip(cv2.ximgproc.fastGlobalSmootherFilter(guide, plane, strength, sigma * 255 / span))


def wls_exact(plane: Plane, lambda_: float = 1.0, alpha: float = 1.2) -> Plane:
    """As :func:`wls`, by a direct solution of the sparse system in 64-bit floats; some hundred times slower."""
    from scipy.sparse.linalg import splu

    check("wls-exact", LIMITS, lambda_=lambda_, alpha=alpha)
    matrix = system(plane, lambda_, alpha)
    # the matrix is symmetric and positive definite: no pivoting is needed
    solved = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True})
    smooth = solved.solve(plane.astype(np.float64).ravel()).reshape(plane.shape)
    return clip(smooth.astype(np.float32))


def system(plane: Plane, lambda_: float, alpha: float) -> Any:
    """The sparse matrix I + lambda L, ``(h w, h w)`` in compressed columns, pixels counted row by row."""
    from scipy import sparse

    light = np.log(plane.astype(np.float64) + _SMALL)
    number = np.arange(plane.size).reshape(plane.shape)
    here = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    there = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    steps = np.concatenate([np.diff(light, axis=1).ravel(), np.diff(light, axis=0).ravel()])
    weights = lambda_ / (np.abs(steps) ** alpha + _SMALL)
    diagonal = 1 + np.bincount(here, weights, plane.size) + np.bincount(there, weights, plane.size)
    values = np.concatenate([diagonal, -weights, -weights])
    rows = np.concatenate([number.ravel(), here, there])
    columns = np.concatenate([number.ravel(), there, here])
    matrix = sparse.coo_matrix((values, (rows, columns)), shape=(plane.size, plane.size))
    return matrix.tocsc()


def _weight(step: float, alpha: float) -> float:
    return 1.0 / float(step**alpha + _SMALL)
