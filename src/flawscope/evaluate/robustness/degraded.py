"""A dataset whose images are degraded as they are read."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import ImageError
from flawscope.evaluate.robustness.sheet import SHEET
from flawscope.images import Image, Mask


@dataclass(frozen=True, slots=True)
class DegradedSample(Sample):
    """A sample that reads as its degraded self.

    Attributes:
        degradation: its name in the sheet.
        degree: 0 leaves the image alone.
        seed: see :meth:`flawscope.evaluate.robustness.sheet.Degradation.degrade`.
    """

    degradation: str = ""
    degree: int = 0
    seed: int = 0

    def read(self) -> tuple[Image, Mask]:
        """The degraded image and its mask, of one size."""
        image, mask = Sample.read(self)  # a slotted dataclass has no super() without arguments
        try:
            return SHEET[self.degradation].degrade(image, mask, self.degree, self.name, self.seed)
        except ImageError as error:
            raise ImageError(error.what, where=self.image, remedy=error.remedy) from error


def degraded(data: SegmentationData, degradation: str, degree: int, seed: int = 0) -> SegmentationData:
    """The dataset at a degree of a degradation."""
    names = [field.name for field in fields(Sample)]
    samples = tuple(
        DegradedSample(
            **{name: getattr(sample, name) for name in names},
            degradation=degradation,
            degree=degree,
            seed=seed,
        )
        for sample in data.samples
    )
    return replace(data, samples=samples)
