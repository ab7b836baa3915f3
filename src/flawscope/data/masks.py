"""Where the truth of an image comes from: a mask file, drawn shapes, or the knowledge that there is none.

Every source answers ``read(height, width)`` with class numbers, ``(height, width)`` ``uint8``, 0 background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError
from flawscope.images import Mask, read_label_image


class MaskSource(Protocol):
    """Anything that can say the class of each pixel of an image of known size."""

    def read(self, height: int, width: int) -> Mask:
        """Class numbers, ``(height, width)``; raises DataError or ImageError when it cannot."""
        ...

    @property
    def path(self) -> Path | None:
        """The annotation file, if there is one of its own."""
        ...


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask image.

    Attributes:
        path: the file.
        values: class number of each stored value; a value that is not listed is an error. Without it, every
            stored value above ``threshold`` belongs to ``class_number``.
        threshold: 127 suits 0/255 masks and masks saved as JPEG; 0 suits 0/1 masks.
        class_number: the class of foreground when ``values`` is not given.
    """

    path: Path
    values: Mapping[int, int] | None = None
    threshold: int = 127
    class_number: int = 1

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        stored = read_label_image(self.path)
        _check_size(stored, height, width, self.path)
        if self.values is None:
            return ((stored > self.threshold) * self.class_number).astype(np.uint8)
        mask = np.zeros(stored.shape, dtype=np.uint8)
        known = np.zeros(stored.shape, dtype=bool)
        for value, number in self.values.items():
            here = stored == value
            mask[here] = number
            known |= here
        if not known.all():
            strangers = np.unique(stored[~known])[:5].tolist()
            raise DataError(
                f"mask values {strangers} have no class (known: {sorted(self.values)})",
                where=self.path,
                remedy="Run 'flawscope data check' on the dataset, or list the values in its dataset.yaml",
            )
        return mask


@dataclass(frozen=True, slots=True)
class Shape:
    """One annotated outline.

    Attributes:
        class_number: its class, 1 to K.
        outer: ``(n, 2)`` corners ``(x, y)`` in pixels, with pixel centres at whole numbers.
        holes: outlines cut out of it.
    """

    class_number: int
    outer: npt.NDArray[np.float64]
    holes: tuple[npt.NDArray[np.float64], ...] = ()


@dataclass(frozen=True, slots=True)
class Shapes:
    """Outlines drawn in order, later ones on top.

    Attributes:
        shapes: the outlines.
        path: the annotation file they came from.
    """

    shapes: tuple[Shape, ...]
    path: Path | None = None

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        mask = np.zeros((height, width), dtype=np.uint8)
        for shape in self.shapes:
            region = np.zeros((height, width), dtype=np.uint8)
            cv2.fillPoly(region, [np.rint(shape.outer).astype(np.int32)], 1)
            for hole in shape.holes:
                cv2.fillPoly(region, [np.rint(hole).astype(np.int32)], 0)
            mask[region > 0] = shape.class_number
        return mask


@dataclass(frozen=True, slots=True)
class Layers:
    """Several sources for one image, later ones on top where they say a class."""

    sources: tuple[MaskSource, ...]

    @property
    def path(self) -> Path | None:
        """The first annotation file."""
        return self.sources[0].path if self.sources else None

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        mask = np.zeros((height, width), dtype=np.uint8)
        for source in self.sources:
            layer = source.read(height, width)
            mask = np.where(layer > 0, layer, mask)
        return mask


@dataclass(frozen=True, slots=True)
class Renumbered:
    """A source whose classes get other numbers.

    Attributes:
        source: the source.
        numbers: new number of each old one; numbers that are not listed become background.
    """

    source: MaskSource
    numbers: Mapping[int, int]

    @property
    def path(self) -> Path | None:
        """The annotation file, if there is one of its own."""
        return self.source.path

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        table = np.zeros(256, dtype=np.uint8)
        for old, new in self.numbers.items():
            if old > 0:
                table[old] = new
        return np.asarray(table[self.source.read(height, width)])


@dataclass(frozen=True, slots=True)
class Clean:
    """An image known to be without defect."""

    path: Path | None = field(default=None)

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        return np.zeros((height, width), dtype=np.uint8)


def _check_size(stored: npt.NDArray[np.generic], height: int, width: int, path: Path) -> None:
    if stored.shape != (height, width):
        raise DataError(
            f"the mask is {stored.shape[1]}x{stored.shape[0]} pixels and its image {width}x{height}",
            where=path,
            remedy="Masks must have the size of their image; export the mask again",
        )
