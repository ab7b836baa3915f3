"""Defects counted one by one: which were found, and which answers were false alarms.

A defect is a connected region (8 neighbours) of one class. A true defect is *found* when at least a share
``overlap`` of its pixels is answered as its class. An answered region is a *false alarm* when less than that share
of its pixels truly is of its class. So one answer that covers the whole image finds everything, and is one
false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Binary, Counts, same_shape

OVERLAP = 0.1

SIZE_EDGES = (1, 16, 64, 256, 1024, 4096, 16384)
"""Lower ends, in pixels, of the classes of size: squares of side 1, 4, 8, 16, 32, 64 and 128; the last is open."""


@dataclass(frozen=True, slots=True)
class DefectCounts:
    """Counts of one image and one class.

    Attributes:
        areas: ``(n,)`` pixels of each true defect.
        found: ``(n,)`` whether it was found.
        answered: answered regions.
        false_alarms: those of them that are false alarms.
    """

    areas: Counts
    found: Binary
    answered: int
    false_alarms: int

    def by_size(self) -> tuple[Counts, Counts]:
        """True defects and found ones in each class of :data:`SIZE_EDGES`."""
        place = np.searchsorted(SIZE_EDGES, self.areas, side="right") - 1
        total = np.bincount(place, minlength=len(SIZE_EDGES))
        found = np.bincount(place[self.found], minlength=len(SIZE_EDGES))
        return total.astype(np.int64), found.astype(np.int64)


def count_defects(
    answer: npt.NDArray[np.integer],
    truth: npt.NDArray[np.integer],
    class_number: int = 1,
    *,
    overlap: float = OVERLAP,
) -> DefectCounts:
    """Found defects and false alarms of one class in one image.

    Args:
        answer: ``(height, width)`` class numbers, 0 background.
        truth: the same.
        class_number: the class to count.
        overlap: share of a region that must be covered, above 0 and at most 1.
    """
    same_shape(answer, truth)
    answered, true = answer == class_number, truth == class_number
    areas, covered = _regions(true, answered)
    sizes, correct = _regions(answered, true)
    return DefectCounts(
        areas=areas,
        found=covered >= overlap * areas,
        answered=len(sizes),
        false_alarms=int(np.count_nonzero(correct < overlap * sizes)),
    )


def _regions(mask: Binary, other: Binary) -> tuple[Counts, Counts]:
    """Area of each region of ``mask``, and how many of its pixels lie in ``other``."""
    if not mask.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    count, numbered, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    covered = np.bincount(numbered[other & mask], minlength=count)[1:]
    return stats[1:, cv2.CC_STAT_AREA].astype(np.int64), covered.astype(np.int64)
