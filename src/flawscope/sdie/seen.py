"""What a segmenter sees: its answer made finite, and the foreground in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.segment.base import Segmentation, binarize


@dataclass(frozen=True, eq=False)
class Seen:
    """What the segmenter sees on an image.

    Attributes:
        segmentation: its answer, without NaN.
        foreground: ``(height, width)`` ``bool``, any defect, at the segmenter's threshold.
        undefined: pixels whose probability was NaN or infinite, and now is 0.
    """

    segmentation: Segmentation
    foreground: npt.NDArray[np.bool_]
    undefined: int = 0

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        evidence = self.segmentation.evidence
        known = 0 if evidence is None else evidence.nbytes
        return self.foreground.nbytes + self.segmentation.probability.nbytes + known


def see(answer: Segmentation, threshold: float, shape: tuple[int, ...]) -> Seen:
    """Foreground of a segmenter's answer; NaN is 0, and an answer without any map sees nothing."""
    probability = answer.probability
    if not len(probability):
        probability = np.zeros((1, *shape), dtype=np.float32)
    finite = np.isfinite(probability)
    undefined = probability.size - int(np.count_nonzero(finite))
    if undefined:
        probability = np.where(finite, probability, np.float32(0))
    quality = answer.quality
    if quality is not None and not np.isfinite(quality):
        quality = 0.0
    if undefined or probability is not answer.probability or quality is not answer.quality:
        answer = Segmentation(probability, quality, answer.evidence)
    return Seen(answer, binarize(probability, threshold) > 0, undefined)
