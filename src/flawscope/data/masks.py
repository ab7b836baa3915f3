"""Where the truth of an image comes from: a mask file, drawn shapes, or the knowledge that there is none.

Every source answers ``read(height, width)`` with class numbers, ``(height, width)`` ``uint8``, 0 background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flawscope.data.polygons import Points, fill, stroke
from flawscope.data.rle import decode
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
        check_size(stored, height, width, self.path)
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
class Outline:
    """One annotated outline; ``flawscope.data.polygons`` states which pixels belong to it.

    Attributes:
        class_number: its class, 1 to K.
        rings: the outer ring and its holes, each ``(n, 2)`` corners ``(x, y)``.
        line: an open line, one pixel wide, instead of an area.
    """

    class_number: int
    rings: tuple[Points, ...]
    line: bool = False

    @property
    def path(self) -> Path | None:
        """None: outlines share a file."""
        return None

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        inside = stroke(self.rings[0], height, width) if self.line else fill(self.rings, height, width)
        return np.where(inside, np.uint8(self.class_number), np.uint8(0))


@dataclass(frozen=True, slots=True)
class Patch:
    """Annotated pixels in a part of the image.

    Attributes:
        class_number: its class, 1 to K.
        left: column of the patch's first pixel.
        top: row of the patch's first pixel.
        pixels: ``(h, w)``, true on the defect.
    """

    class_number: int
    left: int
    top: int
    pixels: npt.NDArray[np.bool_]

    @property
    def path(self) -> Path | None:
        """None: patches share a file."""
        return None

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        mask = np.zeros((height, width), dtype=np.uint8)
        bottom, right = self.top + self.pixels.shape[0], self.left + self.pixels.shape[1]
        if min(self.left, self.top) < 0 or bottom > height or right > width:
            raise DataError(
                f"an annotated patch reaches ({right}, {bottom}) in an image of {width}x{height} pixels",
                where="annotation",
                remedy="The annotation was made on another version of the image; export it again",
            )
        mask[self.top : bottom, self.left : right] = self.pixels * self.class_number
        return mask


@dataclass(frozen=True, slots=True)
class RunLengths:
    """Annotated pixels in COCO's run-length encoding, decoded when they are read.

    Attributes:
        class_number: its class, 1 to K.
        rle: ``{"size": [height, width], "counts": text or list}``.
    """

    class_number: int
    rle: Mapping[str, Any]

    @property
    def path(self) -> Path | None:
        """None: masks share a file."""
        return None

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        mask = decode(self.rle)
        check_size(mask, height, width, "annotation")
        return mask * np.uint8(self.class_number)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an annotation file says about one image: layers, later ones on top.

    Attributes:
        layers: the annotated regions; none at all means that the image is clean.
        file: the annotation file.
        size: ``(height, width)`` of the image it was drawn on, where the file says it.
    """

    layers: tuple[MaskSource, ...]
    file: Path
    size: tuple[int, int] | None = None

    @property
    def path(self) -> Path | None:
        """The annotation file."""
        return self.file

    def read(self, height: int, width: int) -> Mask:
        """See :class:`MaskSource`."""
        if self.size is not None and self.size != (height, width):
            raise DataError(
                f"annotated at {self.size[1]}x{self.size[0]} pixels, but the image has {width}x{height}",
                where=self.file,
                remedy="Use the image that was annotated, or export the annotation again",
            )
        mask = np.zeros((height, width), dtype=np.uint8)
        for layer in self.layers:
            try:
                drawn = layer.read(height, width)
            except DataError as error:
                raise DataError(error.what, where=self.file, remedy=error.remedy) from error
            np.copyto(mask, drawn, where=drawn > 0)
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


def check_size(stored: npt.NDArray[np.generic], height: int, width: int, where: str | Path) -> None:
    """Raise DataError unless a mask has the size of its image."""
    if stored.shape != (height, width):
        raise DataError(
            f"the mask is {stored.shape[1]}x{stored.shape[0]} pixels and its image {width}x{height}",
            where=where,
            remedy="Masks must have the size of their image; export the mask again",
        )
