"""Probabilities and truth of labelled images, a bounded number of pixels of each, to fit something to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flawscope.data.samples import SegmentationData
from flawscope.errors import DataError, FlawscopeError
from flawscope.evaluate.labels import agree
from flawscope.segment.base import Segmenter

AN_IMAGE, ALTOGETHER, AT_LEAST = 50_000, 20_000_000, 1_000
"""At most so many pixels of an image, and of all images; but never fewer than the last of a large image."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels of one image.

    Attributes:
        group: of the physical piece it shows.
        probability: ``(K, n)`` of the segmenter's classes, in the dataset's order where they are compared.
        truth: ``(n,)`` class numbers of the dataset; 0 and 1 where its classes are merged.
        weight: pixels of the image that each of them stands for.
    """

    group: str
    probability: npt.NDArray[np.float32]
    truth: npt.NDArray[np.uint8]
    weight: float


@dataclass(slots=True)
class SeenPixels:
    """Pixels of all images.

    Attributes:
        source: who answered.
        data: the dataset, and its split where there is one.
        merged: whether only "some defect or none" can be compared.
        images: one an image.
        notes: what the reader should know.
        failures: one line for each image that could not be used.
    """

    source: str
    data: str
    merged: bool
    images: list[Pixels] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def see_pixels(
    segmenter: Segmenter,
    data: SegmentationData,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SeenPixels:
    """Answer image after image and keep pixels of each, drawn without replacement where it has more.

    An image that cannot be used is listed and the rest goes on.

    Raises:
        DataError: no image has a mask, or none could be used.
    """
    labelled = data.labelled()
    if not labelled.samples:
        raise DataError("no image with a mask", where=data.root, remedy="Choose another split, or add masks")
    splits = {sample.split for sample in labelled}
    split = splits.pop() if len(splits) == 1 else None
    agreement = agree(segmenter.labels, labelled)
    name = data.name if split is None else f"{data.name}, {split}"
    order = agreement.order
    seen = SeenPixels(segmenter.name, name, merged=order is None)
    if len(labelled) < len(data):
        seen.notes.append(f"{len(data) - len(labelled)} images without a mask are left out")
    if agreement.note:
        seen.notes.append(agreement.note)
    limit = max(AT_LEAST, min(AN_IMAGE, ALTOGETHER // len(labelled)))
    for number, sample in enumerate(agreement.data):
        try:
            image, truth = sample.read()
            probability = segmenter.segment(image).probability
        except FlawscopeError as error:
            seen.failures.append(str(error))
        else:
            ordered = probability if order is None else probability[list(order)]
            flat, true = ordered.reshape(len(ordered), -1), truth.ravel()
            if true.size > limit:
                chosen = np.random.default_rng((seed, number)).choice(true.size, limit, replace=False)
                flat, true = flat[:, chosen], true[chosen]
            # a name cannot hold a zero byte, so that no group is taken for an image
            group = sample.group or f"\0{sample.name}"
            seen.images.append(Pixels(group, flat.copy(), true.copy(), truth.size / true.size))
        if progress is not None:
            progress(number + 1, len(labelled))
    if not seen.images:
        raise DataError(f"none of its images could be used (first: {seen.failures[0]})", where=data.root)
    if any(pixels.weight > 1 for pixels in seen.images):
        seen.notes.append(f"at most {limit} pixels of an image are used, drawn at random")
    return seen


def halves(images: list[Pixels], seed: int = 0) -> tuple[list[int], list[int]]:
    """Places of the images in two parts of about as many groups; no group is in both, and defects are in each.

    Raises:
        DataError: fewer than two groups show a defect.
    """
    places: dict[str, list[int]] = {}
    for place, pixels in enumerate(images):
        places.setdefault(pixels.group, []).append(place)
    names = sorted(places)
    np.random.default_rng(seed).shuffle(names)
    defective = {name: any(images[place].truth.any() for place in places[name]) for name in names}
    if sum(defective.values()) < 2:
        raise DataError(
            "fewer than two pieces with a defect, so nothing can be fitted on one and checked on another",
            remedy="Choose a split with more defective images",
        )
    # dealt in turns, first those with a defect
    dealt = sorted(names, key=lambda name: not defective[name])
    first, second = (sorted(place for name in dealt[turn::2] for place in places[name]) for turn in (0, 1))
    return first, second
