"""Feature grids of a network, as support-set prompting takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from flawscope.images import Image

if TYPE_CHECKING:
    from flawscope.segment.sam import SamSegmenter


@runtime_checkable
class Embedder(Protocol):
    """Image in, a vector for each cell of a grid out."""

    def features(self, image: Image) -> npt.NDArray[np.float32]:
        """``(h', w', C)`` for an image in the convention of ``flawscope.images``."""
        ...

    def cell_px(self, image: Image) -> tuple[float, float]:
        """Height and width of a cell in pixels of the image; the grid starts at its top left."""
        ...


@dataclass(frozen=True)
class SamEmbedder:
    """The encoder of a SAM; an :class:`Embedder`. Shares the segmenter's cache of embeddings."""

    segmenter: SamSegmenter

    def features(self, image: Image) -> npt.NDArray[np.float32]:
        """``(h', w', C)``, see ``SamSegmenter.embed``."""
        return np.ascontiguousarray(np.moveaxis(self.segmenter.embed(image), 0, -1))

    def cell_px(self, image: Image) -> tuple[float, float]:
        """Height and width of a cell in pixels of the image."""
        return self.segmenter.cell_px(image)
