"""Large images in overlapping tiles, blended so that no seam shows.

Neighbouring tiles share ``overlap`` pixels. The first and the last quarter of them belong to one tile alone, for near
its border a tile knows least; over the half between them the next tile takes over along a raised cosine, so that the
two weights sum to one. Where both say the same, the blend says exactly that: a network that looks at most a quarter
of the overlap around a pixel gives the labels that it gives without tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from flawscope.errors import ImageError, UsageError
from flawscope.images import Image, Probability
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.description import Description, describe
from flawscope.segment.loading import network_header
from flawscope.segment.wrapper import Wrapper

_TILE = 512
"""Side of a tile for segmenters without an input size of their own."""

_SMALLEST = 8
_BATCH = 8


@runtime_checkable
class InBatches(Protocol):
    """A segmenter that answers for several images in one run."""

    def segment_batch(self, images: list[Image]) -> list[Segmentation]:
        """Probabilities for images of any sizes."""
        ...


@dataclass(frozen=True, slots=True)
class Band:
    """Rows of an image that no later tile changes.

    Attributes:
        top: its first row in the whole image.
        probability: ``(K, rows, width)`` ``float32`` in 0 to 1.
        image: ``(rows, width, 3)``, the same rows of the image.
        resume_at: rows of tiles done when going on after this band gives what was given without a break; None near
            the end, where the last row of tiles moves up to end with the image.
    """

    top: int
    probability: Probability
    image: Image
    resume_at: int | None


class Tiled(Wrapper):
    """A segmenter that sees an image of any size in overlapping tiles.

    A tile of the network's own input size is seen pixel by pixel; a larger one is reduced to the input size as any
    image is, so that ``tile`` also chooses the scale. The last tiles of an image move back to end with it. An image
    that is lower than a tile and no wider is given as it is. Any other that is smaller than a tile in one direction
    is mirrored at its far border up to the tile, which keeps the scale. Prompts are ignored.

    Args:
        segmenter: sees the tiles; several at once where it has ``segment_batch``.
        tile: side in pixels, or ``(height, width)``; by default the network's input size, or 512.
        overlap: pixels that neighbouring tiles share, at most half a tile; by default a quarter of the smaller side.
        batch: tiles in one run of the network.
        is_empty: a cheap look at a tile ``(h, w, 3)``; where it says True the tile is not segmented and its
            probabilities are 0.

    Raises:
        UsageError: a tile of fewer than 8 pixels, or an overlap that is negative or more than half a tile.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        tile: int | tuple[int, int] | None = None,
        overlap: int | None = None,
        *,
        batch: int = _BATCH,
        is_empty: Callable[[Image], bool] | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.tile = (
            native_tile(segmenter) if tile is None else (tile, tile) if isinstance(tile, int) else tile
        )
        smaller = min(self.tile)
        self.overlap = smaller // 4 if overlap is None else overlap
        self.batch = batch
        self.is_empty = is_empty
        if smaller < _SMALLEST:
            raise UsageError(
                f"a tile of {smaller} pixels is too small",
                where="--tile",
                remedy=f"Use at least {_SMALLEST} pixels, better the network's input size",
            )
        if not 0 <= self.overlap <= smaller // 2:
            raise UsageError(
                f"tiles of {smaller} pixels cannot overlap by {self.overlap}",
                where="--overlap",
                remedy=f"Use 0 to {smaller // 2} pixels, at most half a tile",
            )

    def describe(self) -> Description:
        """The segmenter's, and the tiles."""
        about = describe(self.segmenter)
        height, width = self.tile
        return replace(
            about, method=f"{about.method}, tiles of {width} x {height} px, overlap {self.overlap} px"
        )

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """Probabilities for an image of any size; apart from them, memory for one row of tiles."""
        del prompts
        answer = np.empty((len(self.labels), *image.shape[:2]), dtype=np.float32)
        for band in self.bands(lambda start, stop: image[start:stop]):
            answer[:, band.top : band.top + len(band.image)] = band.probability
        return Segmentation(answer)

    def bands(self, read: Callable[[int, int], Image], *, after: int = 0) -> Iterator[Band]:
        """The answer from top to bottom, holding one row of tiles at a time.

        Args:
            read: the rows ``start`` to ``stop - 1`` of the image ``(n, width, 3)``, fewer or none where it ends. It
                is asked from top to bottom and for each row once.
            after: :attr:`Band.resume_at` of the last band that is done already; reading begins one row of tiles
                above.

        Raises:
            ImageError: the image ends before the rows that are done.
        """
        height, guard = self.tile[0], self.overlap // 4
        step = height - self.overlap
        number, top = after, max(after - 1, 0) * step
        given = after * step + guard if after else 0
        image = read(top, top + height)
        if after and top + len(image) <= given:
            raise ImageError(
                f"ends at row {top + len(image)}, but rows up to {given} were done earlier",
                remedy="It is not the image that was begun with: begin again",
            )
        if not len(image):
            return
        answer = self._row_of_tiles(image)
        while len(more := self._following(read, top, image)):
            top += len(more)
            stop = top + guard
            if stop > given:
                number += 1
                rows = slice(given - top + len(more), guard + len(more))
                yield Band(given, answer[:, rows], image[rows], number if len(more) == step else None)
                given = stop
            image = np.concatenate((image[len(more) :], more))
            later = self._row_of_tiles(image)
            shared = answer[:, len(more) :]
            later[:, : shared.shape[1]] = self._taken_over(shared, later[:, : shared.shape[1]], axis=1)
            answer = later
        yield Band(given, answer[:, given - top :], image[given - top :], None)

    def _following(self, read: Callable[[int, int], Image], top: int, image: Image) -> Image:
        height = self.tile[0]
        if len(image) < height:
            return image[:0]
        return read(top + height, top + 2 * height - self.overlap)

    def _row_of_tiles(self, image: Image) -> Probability:
        """``(K, rows, width)`` of at most one tile's height of rows."""
        rows, columns = image.shape[:2]
        height, width = self.tile
        if rows == height or columns > width:
            image = _mirrored(image, height, width)
        starts = tile_starts(image.shape[1], width, self.overlap)
        answer = np.zeros((len(self.labels), *image.shape[:2]), dtype=np.float32)
        reached = 0
        for start, tile in zip(starts, self._segmented(image, starts), strict=True):
            end = start + tile.shape[2]
            shared = slice(start, reached)
            if start < reached:
                tile[:, :, : reached - start] = self._taken_over(
                    answer[:, :, shared], tile[:, :, : reached - start], axis=2
                )
            answer[:, :, start:end] = tile
            reached = end
        return answer[:, :rows, :columns]

    def _segmented(self, image: Image, starts: list[int]) -> Iterator[Probability]:
        """The tiles' probabilities in order, a batch at a time."""
        for first in range(0, len(starts), self.batch):
            tiles = [
                np.ascontiguousarray(image[:, start : start + self.tile[1]])
                for start in starts[first : first + self.batch]
            ]
            empty = [self.is_empty is not None and self.is_empty(tile) for tile in tiles]
            looked_at = [tile for tile, nothing in zip(tiles, empty, strict=True) if not nothing]
            answers = iter(segment_all(self.segmenter, looked_at))
            for tile, nothing in zip(tiles, empty, strict=True):
                if nothing:
                    yield np.zeros((len(self.labels), *tile.shape[:2]), dtype=np.float32)
                else:
                    yield np.array(next(answers).probability)

    def _taken_over(self, before: Probability, after: Probability, *, axis: int) -> Probability:
        """What two tiles say together where they overlap; ``after`` begins there, ``before`` ends there."""
        guard = self.overlap // 4
        places = np.arange(before.shape[axis])
        share = (places - guard + 1) / (self.overlap - 2 * guard + 1)
        raised = ((1 - np.cos(np.pi * np.clip(share, 0, 1))) / 2).astype(np.float32)
        weight = raised.reshape([-1 if each == axis else 1 for each in range(3)])
        # written so that equal values stay what they are, and a full weight gives the later tile to the bit
        return np.where(weight < 1, before + weight * (after - before), after)


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along ``length`` pixels: steps of ``tile - overlap``, the last one ending at the end."""
    last = max(length - tile, 0)
    return [*range(0, last, tile - overlap), last]


def native_tile(segmenter: Segmenter) -> tuple[int, int]:
    """Height and width of the images that a network was trained on, through wrappers; 512 without one."""
    header = network_header(segmenter)
    return (_TILE, _TILE) if header is None else header.imgsz


def segment_all(segmenter: Segmenter, images: list[Image]) -> list[Segmentation]:
    """One answer an image, in one run where the segmenter can."""
    if images and isinstance(segmenter, InBatches):
        return segmenter.segment_batch(images)
    return [segmenter.segment(image) for image in images]


def _mirrored(image: Image, height: int, width: int) -> Image:
    """The image with its far rows and columns mirrored where it is smaller than a tile."""
    rows, columns = max(height - image.shape[0], 0), max(width - image.shape[1], 0)
    mirrored: npt.NDArray[np.generic] = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="symmetric")
    return mirrored
