"""What every threshold of a grid would say of each labelled image, in one pass and little memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError, FlawscopeError
from flawscope.evaluate.labels import agree
from flawscope.images import Image, Mask, Probability
from flawscope.metrics.defects import OVERLAP
from flawscope.segment.base import Segmenter, binarize

GRID: npt.NDArray[np.float64] = (
    np.concatenate((np.arange(1, 10), np.arange(10, 1000, 10), np.arange(991, 1000))) / 1000
)
"""0.001 to 0.009, 0.01 to 0.99, 0.991 to 0.999."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Look:
    """One image at every threshold.

    Attributes:
        name: of the sample.
        piece: of the physical piece it shows.
        defective: whether anything in it is a defect.
        units: what can go wrong in it: 1, the image itself, or its true defects.
        wrong: ``(len(GRID),)`` how many of them do: defects that pass, or a sound image that is rejected.
    """

    name: str
    piece: str
    defective: bool
    units: int
    wrong: Counts


Examine = Callable[[Probability, Mask, Image], tuple[int, Counts]]
"""From ``(K, h, w)`` probabilities, the true mask and the image to :attr:`Look.units` and :attr:`Look.wrong`."""

Decide = Callable[[Mask, Probability, Image], bool]
"""From an answered mask, its probabilities and the image to "rejected"."""


@dataclass(slots=True)
class Looks:
    """All images.

    Attributes:
        source: who answered.
        data: the dataset, and its split where there is one.
        looks: one an image.
        failures: one line for each image that could not be used.
        notes: what the reader should know.
        interrupted: stopped before the last image.
    """

    source: str
    data: str
    looks: list[Look] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False


def look_at(
    segmenter: Segmenter,
    data: SegmentationData,
    examine: Examine,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Looks:
    """Answer and examine image after image; of each, only its :class:`Look` is kept.

    An image that cannot be used is listed and the rest goes on; on Ctrl-C what was seen until then is returned.

    Args:
        segmenter: who answers.
        data: labelled images that trained nothing; samples without a mask are left out.
        examine: :func:`by_image`, :func:`by_defect` or :func:`by_decision`.
        progress: called with images done and all.

    Raises:
        DataError: no image has a mask, or none could be used.
    """
    labelled = data.labelled()
    if not labelled.samples:
        raise DataError("no image with a mask", where=data.root, remedy="Choose another split, or add masks")
    splits = {sample.split for sample in labelled}
    split = splits.pop() if len(splits) == 1 else None
    found = Looks(segmenter.name, data.name if split is None else f"{data.name}, {split}")
    if len(labelled) < len(data):
        found.notes.append(f"{len(data) - len(labelled)} images without a mask are left out")
    if data.problems:
        found.notes.append(
            f"{len(data.problems)} files of the dataset cannot be used; 'flawscope data check' lists them"
        )
    try:
        for number, sample in enumerate(labelled, start=1):
            try:
                found.looks.append(_look(segmenter, sample, examine))
            except FlawscopeError as error:
                found.failures.append(str(error))
            if progress is not None:
                progress(number, len(labelled))
    except KeyboardInterrupt:
        found.interrupted = True
    if not found.looks:
        if found.interrupted:
            raise KeyboardInterrupt
        raise DataError(f"none of its images could be used (first: {found.failures[0]})", where=data.root)
    if found.interrupted:
        found.notes.append(f"interrupted: {len(found.looks)} of {len(labelled)} images were used")
    return found


def by_image(min_area: int = 1) -> Examine:
    """An image is rejected when one region of a class has at least ``min_area`` pixels above the threshold."""

    def examine(probability: Probability, truth: Mask, _image: Image) -> tuple[int, Counts]:
        return 1, _wrong(bool(truth.any()), _rejected_below(probability, min_area))

    return examine


def by_defect(labels: tuple[str, ...], data: SegmentationData, min_area: int = 1) -> Examine:
    """Every true defect counts: it passes when less than a tenth of it is answered as its class.

    Regions of fewer than ``min_area`` pixels reject no sound image; a defect is judged by its own pixels alone.

    Args:
        labels: classes of the answers.
        data: where the true masks come from; classes are merged where the two sides name different ones.
        min_area: as in :func:`by_image`.
    """
    agreement = agree(labels, data)

    def examine(probability: Probability, truth: Mask, _image: Image) -> tuple[int, Counts]:
        if not truth.any():
            return 1, _wrong(False, _rejected_below(probability, min_area))
        answered = agreement.apply(probability)
        true = truth if agreement.order is not None else (truth > 0).astype(np.uint8)
        levels = _defect_levels(answered, true)
        # a pixel is answered where its probability exceeds the threshold
        return len(levels), (levels[:, None] <= GRID.astype(np.float32)).sum(axis=0)

    return examine


def by_decision(decide: Decide) -> Examine:
    """Whatever a decision on the answered mask says, asked again wherever the mask changes with the threshold."""

    def examine(probability: Probability, truth: Mask, image: Image) -> tuple[int, Counts]:
        rejected = np.zeros(len(GRID), dtype=bool)
        before, answer = -1, False
        for place, threshold in enumerate(GRID):
            mask = binarize(probability, float(threshold))
            # masks shrink as the threshold rises: the same area is the same mask
            area = int(np.count_nonzero(mask))
            if area != before:
                before, answer = area, decide(mask, probability, image)
            rejected[place] = answer
        return 1, (~rejected if truth.any() else rejected).astype(np.int64)

    return examine


def _look(segmenter: Segmenter, sample: Sample, examine: Examine) -> Look:
    image, truth = sample.read()
    units, wrong = examine(segmenter.segment(image).probability, truth, image)
    # a name cannot hold a zero byte, so that no group is taken for an image
    return Look(sample.name, sample.group or f"\0{sample.name}", bool(truth.any()), units, wrong)


def _wrong(defective: bool, below: int) -> Counts:
    """For an image that is rejected at the first ``below`` thresholds."""
    rejected = np.arange(len(GRID)) < below
    return (~rejected if defective else rejected).astype(np.int64)


def _rejected_below(probability: Probability, min_area: int) -> int:
    """How many thresholds, from the lowest, reject: regions only shrink as it rises, so halving finds it."""
    any_defect = probability[0] if len(probability) == 1 else probability.sum(axis=0)
    below = int(np.searchsorted(GRID.astype(np.float32), any_defect.max(), side="left"))
    if min_area == 1:
        return below
    low, high = 0, below
    while low < high:
        middle = (low + high + 1) // 2
        if _largest_region(binarize(probability, float(GRID[middle - 1]))) >= min_area:
            low = middle
        else:
            high = middle - 1
    return low


def _largest_region(mask: Mask) -> int:
    largest = 0
    for number in np.unique(mask[mask > 0]):
        one = (mask == number).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(one, connectivity=8)[2]
        largest = max(largest, int(stats[1:, cv2.CC_STAT_AREA].max()))
    return largest


def _defect_levels(answered: Probability, truth: Mask) -> npt.NDArray[np.float32]:
    """For each true defect, the probability that a tenth of its pixels reach as its class."""
    any_defect = answered[0] if len(answered) == 1 else answered.sum(axis=0)
    likeliest = answered.argmax(axis=0) + 1
    levels = []
    for number in np.unique(truth[truth > 0]):
        count, numbered = cv2.connectedComponents((truth == number).astype(np.uint8), connectivity=8)
        reached = np.where(likeliest == number, any_defect, np.float32(0))
        for index in range(1, count):
            values = reached[numbered == index]
            rank = int(np.ceil(OVERLAP * len(values) - 1e-9))
            levels.append(np.partition(values, len(values) - rank)[len(values) - rank])
    return np.array(levels, dtype=np.float32)
