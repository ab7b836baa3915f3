"""A dataset, once its folder layout is forgotten: named classes and a list of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flawscope.data.masks import MaskSource
from flawscope.errors import DataError
from flawscope.images import Image, Mask, read_image


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and what is known about it.

    Attributes:
        name: unique within the dataset, the relative path without suffix, for example ``"images/rail_7"``.
        image: the image file.
        truth: where its mask comes from; None when the image is not labelled.
        kind: the class the folder or file name gives the whole image (``"scratches"``), if any.
        split: ``"train"``, ``"val"``, ``"test"`` or another name; None when undivided.
        group: images of one physical piece share it and never cross a split.
        subset: a part reported on its own, such as ``"man-made"`` and ``"natural"``.
        white: the stored value that means white, see ``flawscope.images.read_image``.
    """

    name: str
    image: Path
    truth: MaskSource | None = None
    kind: str | None = None
    split: str | None = None
    group: str | None = None
    subset: str | None = None
    white: int | None = None

    def read_image(self) -> Image:
        """The image, in the convention of ``flawscope.images``."""
        return read_image(self.image, white=self.white)

    def read_mask(self, height: int, width: int) -> Mask:
        """Class numbers, ``(height, width)``; raises DataError when the sample is not labelled."""
        if self.truth is None:
            raise DataError("the image has no mask", where=self.image, remedy="Label it or leave it out")
        return self.truth.read(height, width)

    def read(self) -> tuple[Image, Mask]:
        """The image and its mask, of one size."""
        image = self.read_image()
        return image, self.read_mask(image.shape[0], image.shape[1])


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a reader met and could not use; the rest of the dataset is read all the same.

    Attributes:
        path: the file.
        what: what is wrong with it, for people (``"a mask without an image"``).
    """

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True)
class SegmentationData:
    """Samples and the names of their classes.

    Attributes:
        name: what to call it in tables.
        root: the folder it was read from.
        labels: names of classes 1 to K.
        samples: in a fixed order.
        layout: which reader read it.
        merged: whether all classes count as one (see :meth:`binary`).
        problems: files the reader could not use.
    """

    name: str
    root: Path
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]
    layout: str = ""
    merged: bool = False
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits that have samples, in order of appearance."""
        return tuple(dict.fromkeys(sample.split for sample in self.samples if sample.split is not None))

    def where(self, keep: Callable[[Sample], bool]) -> SegmentationData:
        """The dataset with only the samples for which ``keep`` is true."""
        return replace(self, samples=tuple(sample for sample in self.samples if keep(sample)))

    def split(self, name: str) -> SegmentationData:
        """One split; raises DataError when it has no samples."""
        part = self.where(lambda sample: sample.split == name)
        if not part.samples and not self.splits:
            file = self.root / "splits.json"
            raise DataError(
                f"no split named '{name}', for the dataset is not divided",
                where=self.root,
                remedy=f"Divide it with: flawscope data split {self.root} --out {file}, then give --splits {file}",
            )
        if not part.samples:
            known = ", ".join(self.splits)
            raise DataError(
                f"no split named '{name}' (there are: {known})",
                where=self.root,
                remedy="Name one of them, or make splits with 'flawscope data split'",
            )
        return part

    def labelled(self) -> SegmentationData:
        """Only the samples that have a mask."""
        return self.where(lambda sample: sample.truth is not None)

    def binary(self, label: str = "defect") -> SegmentationData:
        """The dataset with all its classes merged into one."""
        if len(self.labels) == 1:
            return self
        return replace(
            self,
            labels=(label,),
            merged=True,
            samples=tuple(
                sample if sample.truth is None else replace(sample, truth=_Merged(sample.truth))
                for sample in self.samples
            ),
        )


@dataclass(frozen=True, slots=True)
class _Merged:
    """A mask source whose classes all count as class 1."""

    source: MaskSource

    @property
    def path(self) -> Path | None:
        return self.source.path

    def read(self, height: int, width: int) -> Mask:
        return (self.source.read(height, width) > 0).astype(np.uint8)


def open_data(
    path: str | Path, *, layout: str = "auto", splits: str | Path | None = None
) -> SegmentationData:
    """Read a dataset from disk.

    Args:
        path: a folder in any of the known layouts, a ``dataset.yaml``, or an annotation file (COCO).
        layout: the name of a layout (see ``flawscope data list``), or ``"auto"`` to recognise it.
        splits: a split file (JSON) that assigns the samples of ``path`` to train, val and test; samples it
            does not name are left out.

    Raises:
        DataError: nothing usable there; the message says what was expected.
    """
    from flawscope.data.opening import open_any

    return open_any(Path(path), layout=layout, splits=None if splits is None else Path(splits))
