"""The features of one image that supports and new images are compared in, and linear maps of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import to_plane
from flawscope.errors import UsageError
from flawscope.images import Image, resize
from flawscope.segment.embedder import Embedder
from flawscope.segment.pixel_features import pixel_features

FeatureKind = Literal["filters", "embedding", "both"]
KINDS: tuple[FeatureKind, ...] = ("filters", "embedding", "both")


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Features of one image at its working size, filters first, then the embedding.

    Attributes:
        height, width: pixels of the working size.
        filters: ``(F, height, width)``; F is 0 without filters.
        grid: ``(h', w', C)``; C is 0 without an embedding.
        cell: height and width of a grid cell in working pixels.
    """

    height: int
    width: int
    filters: npt.NDArray[np.float32]
    grid: npt.NDArray[np.float32]
    cell: tuple[float, float]

    @property
    def count(self) -> int:
        """Features of a pixel."""
        return len(self.filters) + int(self.grid.shape[2])

    def at(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """``(n, count)``: the features of n pixels; the grid is interpolated between the centres of its cells."""
        filters = self.filters[:, rows, columns].T
        if not self.grid.shape[2]:
            return filters
        (top, down), (left, right) = (
            _between(places, cell, cells)
            for places, cell, cells in zip((rows, columns), self.cell, self.grid.shape[:2], strict=True)
        )
        row, column = top.astype(np.intp), left.astype(np.intp)
        next_row = np.minimum(row + 1, self.grid.shape[0] - 1)
        next_column = np.minimum(column + 1, self.grid.shape[1] - 1)
        upper = self.grid[row, column] * (1 - right)[:, None] + self.grid[row, next_column] * right[:, None]
        lower = (
            self.grid[next_row, column] * (1 - right)[:, None]
            + self.grid[next_row, next_column] * right[:, None]
        )
        embedded = upper * (1 - down)[:, None] + lower * down[:, None]
        return np.concatenate([filters, embedded.astype(np.float32)], axis=1)

    def project(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(height, width)``: the features of each pixel times ``weights`` ``(count,)``, summed.

        The grid is projected before it is interpolated, which is the same and much faster.
        """
        own = len(self.filters)
        answer = np.zeros((self.height, self.width), dtype=np.float32)
        if own:
            answer += np.tensordot(weights[:own], self.filters, axes=1)
        if self.grid.shape[2]:
            coarse = np.ascontiguousarray(self.grid @ weights[own:], dtype=np.float32)
            places = [
                np.clip((np.arange(pixels) + 0.5) / cell - 0.5, 0, cells - 1).astype(np.float32)
                for pixels, cell, cells in zip(answer.shape, self.cell, coarse.shape, strict=True)
            ]
            columns, rows = np.meshgrid(places[1], places[0])
            answer += cv2.remap(coarse, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return answer


def feature_maps(image: Image, kind: FeatureKind, embedder: Embedder | None, scale: float) -> FeatureMaps:
    """Features of an image.

    Args:
        image: in the convention of ``flawscope.images``.
        kind: filters, embedding or both.
        embedder: needed for all but filters; it sees the image at its own size.
        scale: working size by size of the image, at most 1.
    """
    height, width = working_size(image.shape[:2], scale)
    filters = np.zeros((0, height, width), dtype=np.float32)
    grid, cell = np.zeros((1, 1, 0), dtype=np.float32), (float(height), float(width))
    if kind != "embedding":
        plane = np.clip(resize(to_plane(image), height, width), 0, 1)
        filters = np.moveaxis(pixel_features(plane), -1, 0)
    if kind != "filters":
        if embedder is None:
            raise UsageError(f"features '{kind}' need an embedder", remedy="Give one, or use 'filters'")
        grid = embedder.features(image)
        high, wide = embedder.cell_px(image)
        cell = (high * height / image.shape[0], wide * width / image.shape[1])
    return FeatureMaps(height, width, filters, grid, cell)


def working_size(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Height and width of the working size of an image of ``size``."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _between(
    places: npt.NDArray[np.intp], cell: float, cells: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The cell whose centre lies before each place, and how far the place is towards the next, 0 to 1."""
    position = np.clip((places + 0.5) / cell - 0.5, 0, cells - 1)
    before = np.floor(position)
    return before, position - before
