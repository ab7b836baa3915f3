"""What classic filters say of each pixel: a vector of brightness, edges, ridges and texture at six scales.

The same measurements, at several scales of Gaussian blur, that interactive pixel classifiers offer; see Lindeberg,
"Feature Detection with Automatic Scale Selection", IJCV 1998, for the derivatives.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import Plane, check_plane

SIGMAS = (1, 2, 4, 8, 16)
"""Pixels, of the blur; the image itself is one scale more."""

FEATURES = 26
"""One for the image, six at each scale, the last of which has its blur alone and no more."""

_ILLUMINATION = 0.2  # of the longer side: sigma 40 at 200 px
_CONTRAST_FLOOR = 0.02
_FIRST, _SECOND = 1 / 8, 1 / 4  # make Sobel's sums derivatives


def pixel_features(plane: Plane) -> npt.NDArray[np.float32]:
    """A vector for each pixel.

    Illumination is taken out first (the image minus a Gaussian blur of a fifth of its longer side), then the median
    becomes 0 and the deviation about 1, so that neither brightness nor contrast of the whole image matters. Then, of
    the image ``b[0]`` and its Gaussian blurs ``b[s]`` with sigma ``s`` pixels:

    - ``b[0]`` (feature 0);
    - for ``s`` of 1, 2, 4 and 8, with ``r`` the scale before: ``b[s]``, ``b[r] - b[s]``, length of the gradient,
      larger and smaller eigenvalue of the Hessian, standard deviation about ``b[s]`` under a window of 1.5 ``s``
      (features 1 to 24);
    - ``b[16]`` (feature 25).

    Scales from 4 on are computed on an image shrunk to their sigma, and their derivatives are per pixel of that.

    Args:
        plane: ``(h, w)`` ``float32`` in 0 to 1, see ``flawscope.enhance.to_plane``.

    Returns:
        ``(h, w, 26)`` ``float32``, finite; a view of 26 contiguous planes.

    Raises:
        UsageError: not such a plane.
    """
    flat = standardize(flatten(check_plane(plane)))
    planes = np.empty((FEATURES, *flat.shape), dtype=np.float32)
    planes[0] = before = flat
    for number, sigma in enumerate(SIGMAS):
        shrink = max(1, sigma // 2)
        small = _shrunk(flat, shrink)
        # Averaging blocks of n pixels is a blur of variance (n^2 - 1) / 12 already.
        own = float(np.sqrt(sigma**2 - (shrink**2 - 1) / 12)) / shrink
        blurred = _blur(small, own)
        full = _grown(blurred, flat)
        first = 1 + 6 * number
        planes[first] = full
        if sigma == SIGMAS[-1]:
            break
        np.subtract(before, full, out=planes[first + 1])
        for offset, measured in enumerate((*_derivatives(blurred), _deviation(small, blurred, 1.5 * own))):
            planes[first + 2 + offset] = _grown(measured, flat)
        before = full
    return np.moveaxis(planes, 0, -1)


def flatten(plane: Plane) -> npt.NDArray[np.float32]:
    """The plane minus its illumination: a Gaussian blur with sigma a fifth of the longer side."""
    longer = max(plane.shape)
    shrink = max(1, longer // 20)
    small = _blur(_shrunk(plane, shrink), _ILLUMINATION * longer / shrink)
    return plane - _grown(small, plane)


def standardize(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Median 0 and deviation 1, less where there is hardly any contrast to speak of."""
    scaled: npt.NDArray[np.float32] = (plane - np.median(plane)) / (plane.std() + np.float32(_CONTRAST_FLOOR))
    return scaled


def _derivatives(plane: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], ...]:
    """Length of the gradient, larger and smaller eigenvalue of the Hessian."""
    x, y = (_sobel(plane, *order, _FIRST) for order in ((1, 0), (0, 1)))
    xx, xy, yy = (_sobel(plane, *order, _SECOND) for order in ((2, 0), (1, 1), (0, 2)))
    half = np.float32(0.5)
    middle, spread = (xx + yy) * half, _length((xx - yy) * half, xy)
    return _length(x, y), middle + spread, middle - spread


def _length(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What ``cv2.magnitude`` gives, which differs in the last bit with the arrays' place in memory."""
    length: npt.NDArray[np.float32] = np.sqrt(x * x + y * y)
    return length


def _sobel(plane: npt.NDArray[np.float32], x: int, y: int, scale: float) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.Sobel(plane, cv2.CV_32F, x, y, scale=scale), dtype=np.float32)


def _deviation(
    plane: npt.NDArray[np.float32], blurred: npt.NDArray[np.float32], sigma: float
) -> npt.NDArray[np.float32]:
    deviation: npt.NDArray[np.float32] = np.sqrt(np.maximum(_blur((plane - blurred) ** 2, sigma), 0))
    return deviation


def _blur(plane: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    side = 2 * int(np.ceil(3 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(plane, (side, side), sigma), dtype=np.float32)


def _shrunk(plane: npt.NDArray[np.float32], times: int) -> npt.NDArray[np.float32]:
    if times == 1:
        return plane
    height, width = (max(1, round(side / times)) for side in plane.shape)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _grown(plane: npt.NDArray[np.float32], like: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if plane.shape == like.shape:
        return plane
    height, width = like.shape
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
