"""Which images an export is judged on, and calibrated on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flawscope.data.layouts import recognise
from flawscope.data.samples import Sample, open_data
from flawscope.errors import UsageError
from flawscope.images import Image, Mask, find_images


@dataclass(frozen=True, slots=True)
class Shown:
    """An image to compare on and, where it is known, its true mask, ``(height, width)`` class numbers."""

    image: Image
    truth: Mask | None = None


def find_samples(data: Path, *, splits: Path | None = None, split: str | None = None) -> list[Sample]:
    """The images of a dataset in any layout, with their masks, or of a plain folder, without.

    Raises:
        UsageError: there is no image, or a plain folder cannot be divided.
        DataError: the dataset cannot be read, or has no such split.
    """
    if data.is_dir() and splits is None and not recognise(data):
        if split is not None:
            raise UsageError("a folder of images has no splits", where="--split", remedy="Give --splits FILE")
        samples = [Sample(name=file.stem, image=file) for file in find_images(data)]
    else:
        dataset = open_data(data, splits=splits)
        samples = list(dataset if split is None else dataset.split(split))
    if not samples:
        raise UsageError("no image in this folder or below it", where=data, remedy="Give a folder of images")
    return samples


def spread(samples: list[Sample], count: int) -> tuple[list[Sample], list[Sample]]:
    """``count`` of the samples, evenly spread over all, and the rest."""
    step = max(1.0, len(samples) / count)
    places = {int(number * step) for number in range(min(count, len(samples)))}
    chosen = [sample for place, sample in enumerate(samples) if place in places]
    return chosen, [sample for place, sample in enumerate(samples) if place not in places]


def read_all(samples: Iterable[Sample]) -> Iterator[Shown]:
    """Each image, with its mask where it has one; raises ImageError and DataError."""
    for sample in samples:
        image = sample.read_image()
        truth = None if sample.truth is None else sample.read_mask(*image.shape[:2])
        yield Shown(image, truth)


def drawn(count: int) -> Iterator[Shown]:
    """Images that need no data, without masks: what a network knows of drawn surfaces judges no export."""
    from flawscope.data.synthetic import draw

    for seed in range(count):
        yield Shown(draw(seed, 256, 256)[0])


def compared_images(data: Path | None, count: int) -> Iterator[Shown]:
    """``count`` images to compare on: drawn ones, or some of ``data``, evenly spread over it.

    Raises:
        UsageError: there is no image.
        ImageError: one cannot be read.
    """
    return drawn(count) if data is None else read_all(spread(find_samples(data), count)[0])
