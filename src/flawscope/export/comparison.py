"""Does the exported file do what the trained network did? Measured on images, at their own size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.errors import UsageError, WeightsError
from flawscope.images import Image, find_images, read_image
from flawscope.segment.base import Segmenter, binarize

EQUAL_LABELS_REQUIRED = 0.999


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two segmenters agree.

    Attributes:
        images: how many images were compared.
        pixels: how many pixels.
        max_difference: largest absolute difference of any probability.
        mean_difference: mean absolute difference of the probabilities.
        equal_labels: share of pixels, 0 to 1, that get the same class at the threshold of the first.
    """

    images: int
    pixels: int
    max_difference: float
    mean_difference: float
    equal_labels: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def require(self, where: str | Path, share: float = EQUAL_LABELS_REQUIRED) -> None:
        """Raise WeightsError when fewer than ``share`` of the labels are equal."""
        if self.equal_labels < share:
            raise WeightsError(
                f"only {self.equal_labels:.3%} of the pixels keep their label after export "
                f"({share:.1%} are required; largest difference {self.max_difference:.3g})",
                where=where,
                remedy="Export with --no-half, and report it if that does not help",
            )


def parity(first: Segmenter, second: Segmenter, images: Iterable[Image]) -> Parity:
    """Compare two segmenters on images in the convention of ``flawscope.images``.

    Raises:
        WeightsError: their labels differ.
    """
    if first.labels != second.labels:
        raise WeightsError(
            f"'{first.name}' knows {first.labels} and '{second.name}' {second.labels}", where="parity"
        )
    count = pixels = values = equal = 0
    total = worst = 0.0
    for image in images:
        one, two = first.segment(image).probability, second.segment(image).probability
        difference = np.abs(one - two)
        worst = max(worst, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        same = binarize(one, first.threshold) == binarize(two, first.threshold)
        count, pixels, values = count + 1, pixels + same.size, values + difference.size
        equal += int(np.count_nonzero(same))
    if count == 0:
        raise WeightsError(
            "no image to compare on", where="parity", remedy="Give a folder of images with --data"
        )
    return Parity(
        images=count,
        pixels=pixels,
        max_difference=worst,
        mean_difference=total / values,
        equal_labels=equal / pixels,
    )


def compared_images(data: Path | None, count: int) -> Iterator[Image]:
    """``count`` images to compare on: drawn ones, or some of a folder, evenly spread over it.

    Raises:
        UsageError: the folder has no image.
        ImageError: one cannot be read.
    """
    if data is None:
        from flawscope.data.synthetic import draw

        for seed in range(count):
            yield draw(seed, 256, 256)[0]
        return
    files = find_images(data)
    if not files:
        raise UsageError("no image in this folder or below it", where=data, remedy="Give a folder of images")
    step = max(1, len(files) // count)
    for file in files[::step][:count]:
        yield read_image(file)
