"""Fitting prototypes to labelled images, with all of them and with each left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError
from flawscope.images import Image, check_image
from flawscope.segment.embedder import Embedder
from flawscope.segment.prototypes import Head, Moments, discriminant
from flawscope.segment.support_level import UNJUDGED_LEVEL, Judged, choose_level
from flawscope.segment.support_maps import FeatureKind, FeatureMaps, feature_maps, working_size

WORKING_SIDE = 256
DEFECT_PIXELS, BACKGROUND_PIXELS = 1500, 3000
"""At most so many of a support count."""


@dataclass(frozen=True, eq=False)
class Support:
    """One labelled image.

    Attributes:
        image: in the convention of ``flawscope.images``.
        mask: ``(height, width)`` ``bool``.
    """

    image: Image
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A support at the working size: its features, its mask, and the moments of its two classes."""

    maps: FeatureMaps
    mask: npt.NDArray[np.bool_]
    defect: Moments
    background: Moments


def read_supports(
    images: Sequence[npt.NDArray[Any]], masks: Sequence[npt.NDArray[Any]], names: Sequence[str] = ()
) -> tuple[Support, ...]:
    """Checked pairs of image and mask, called by ``names`` or their numbers; raises DataError or ImageError."""
    if len(images) != len(masks):
        raise DataError(f"{len(images)} support images have {len(masks)} masks")
    if not images:
        raise DataError("no support images", remedy="Give at least one labelled image")
    called = names or [f"support {number}" for number in range(1, len(images) + 1)]
    return tuple(_read(image, mask, name) for image, mask, name in zip(images, masks, called, strict=True))


def _read(image: npt.NDArray[Any], mask: npt.NDArray[Any], where: str) -> Support:
    image = check_image(image, where=where)
    defect = np.asarray(mask) != 0
    if defect.shape != image.shape[:2]:
        raise DataError(
            f"its mask is {'x'.join(map(str, defect.shape))} and its image "
            f"{'x'.join(map(str, image.shape[:2]))} pixels (height x width)",
            where=where,
            remedy="Give the mask of this image",
        )
    if not defect.any():
        raise DataError("a support image without a defect", where=where, remedy="Choose one that shows it")
    if defect.all():
        raise DataError(
            "a support image that is nothing but defect",
            where=where,
            remedy="Choose one that shows background",
        )
    return Support(image, defect)


def scale_of(supports: Sequence[Support], working_side: int) -> float:
    """By what images are shrunk so that no support's longer side exceeds ``working_side``; at most 1."""
    longest: int = max(side for support in supports for side in support.mask.shape)
    return min(1.0, working_side / longest)


def fit_heads(
    supports: Sequence[Support], kind: FeatureKind, embedder: Embedder | None, scale: float, seed: int
) -> tuple[Head, tuple[Head, ...]]:
    """The head of all supports, and the heads without each; every level from supports its head has not seen."""
    fitted = [
        _fit(support, feature_maps(support.image, kind, embedder, scale), scale, [seed, number])
        for number, support in enumerate(supports)
    ]
    if len(fitted) == 1:
        return _of_one(fitted[0], seed)
    left_out = tuple(
        _with_level([*fitted[:index], *fitted[index + 1 :]], seed) for index in range(len(fitted))
    )
    judged = [_judged(head, one) for head, one in zip(left_out, fitted, strict=True)]
    return replace(_head(fitted), level=choose_level(judged)), left_out


def _with_level(fitted: Sequence[_Fitted], seed: int) -> Head:
    if len(fitted) == 1:
        return _of_one(fitted[0], seed)[0]
    judged = [
        _judged(_head([*fitted[:index], *fitted[index + 1 :]]), one) for index, one in enumerate(fitted)
    ]
    return replace(_head(fitted), level=choose_level(judged))


def _of_one(one: _Fitted, seed: int) -> tuple[Head, tuple[Head, ...]]:
    """The head of one image, and the head of one half of it; no other image could tell where to cut their maps."""
    half = halves(one.mask)
    if not ((one.mask & half).any() and (~one.mask & half).any()):
        half = np.ones_like(half)  # a defect of one pixel cannot be cut
    heads = (_head([one]), _head([_sampled(one.maps, one.mask, half, [seed, 0])]))
    whole, part = (replace(head, level=UNJUDGED_LEVEL) for head in heads)
    return whole, (part,)


def halves(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """One half of an image: the pixels on one side of the line that cuts its defect in two equal parts.

    The line runs across the longer axis of the defect's pixels, through their median along it.
    """
    places = np.argwhere(mask).astype(np.float64)
    centred = places - places.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    rows, columns = np.indices(mask.shape)
    along = rows * axis[0] + columns * axis[1]
    side: npt.NDArray[np.bool_] = along > np.median(along[mask])
    return side


def _head(fitted: Sequence[_Fitted]) -> Head:
    return discriminant([one.defect for one in fitted], [one.background for one in fitted])


def _judged(head: Head, one: _Fitted) -> Judged:
    return one.maps.project(head.weights) + np.float32(head.bias), one.mask


def _fit(support: Support, maps: FeatureMaps, scale: float, seed: list[int]) -> _Fitted:
    mask = _shrunk(support.mask, scale)
    return _sampled(maps, mask, np.ones_like(mask), seed)


def _sampled(
    maps: FeatureMaps, mask: npt.NDArray[np.bool_], part: npt.NDArray[np.bool_], seed: list[int]
) -> _Fitted:
    rng = np.random.default_rng(seed)
    defect, background = (
        Moments.of(maps.at(*_some(pixels & part, most, rng)))
        for pixels, most in ((mask, DEFECT_PIXELS), (~mask, BACKGROUND_PIXELS))
    )
    return _Fitted(maps, mask, defect, background)


def _some(
    pixels: npt.NDArray[np.bool_], most: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    rows, columns = np.nonzero(pixels)
    if len(rows) > most:
        kept = rng.choice(len(rows), most, replace=False)
        rows, columns = rows[kept], columns[kept]
    return rows, columns


def _shrunk(mask: npt.NDArray[np.bool_], scale: float) -> npt.NDArray[np.bool_]:
    """The mask at the working size, by the share of each pixel; a defect too thin for that keeps its best pixels."""
    height, width = working_size(mask.shape, scale)
    if (height, width) == mask.shape:
        return mask
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    for small in (share > 0.5, share >= share.max()):
        if small.any() and not small.all():
            return np.asarray(small)
    raise DataError("its defect cannot be seen at the working size", remedy="Use a larger side")
