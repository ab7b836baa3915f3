"""Additive totals: what one image contributes to every figure, as one vector.

All figures of a dataset are functions of sums over its images. With the sums of each image in one
vector, adding vectors pools them, whatever the part (a subset, a kind, a bootstrap sample): the same function
then gives the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.metrics.arrays import Floats


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the parts of a vector.

    Attributes:
        parts: shape of each named part, in order; ``()`` is a single number.
    """

    parts: Mapping[str, tuple[int, ...]]

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each part lies."""
        places: dict[str, slice] = {}
        start = 0
        for name, shape in self.parts.items():
            places[name] = slice(start, start + prod(shape))
            start += prod(shape)
        return places

    @property
    def size(self) -> int:
        """Length of a vector."""
        return sum(prod(shape) for shape in self.parts.values())

    def pack(self, values: Mapping[str, Any]) -> Floats:
        """One vector; every part must be given."""
        assert values.keys() == self.parts.keys(), set(values) ^ set(self.parts)
        vector = np.empty(self.size)
        for name, place in self.places.items():
            vector[place] = np.asarray(values[name], dtype=np.float64).ravel()
        return vector

    def unpack(self, vectors: npt.NDArray[np.float64]) -> dict[str, Floats]:
        """Parts ``(..., *shape)`` of vectors ``(..., size)``."""
        return {
            name: vectors[..., self.places[name]].reshape((*vectors.shape[:-1], *shape))
            for name, shape in self.parts.items()
        }


@dataclass(frozen=True, slots=True)
class ImageScores:
    """What one image scored.

    Attributes:
        values: the figures of this image; NaN where undefined, counts as whole numbers.
        sums: its vector of additive totals.
    """

    values: dict[str, float]
    sums: Floats
