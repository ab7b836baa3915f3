"""Results kept by content: the same image is not filtered or segmented twice."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy.typing as npt

T = TypeVar("T")

SHARED = 3 * 2**29
"""Bytes that all games of a training or search may keep of their images as they came: 800 photographs of 200x200
pixels with six filters, or six of 3000x2000."""


class Memory:
    """The results last used, up to a number of bytes.

    Args:
        limit: bytes to keep; the least recently used results are forgotten first.
    """

    def __init__(self, limit: int = 64 * 2**20) -> None:
        self.limit = limit
        self.held = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The result kept under ``key``, or ``make()``, kept for later; ``size`` counts its bytes."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            kept: T = found[0]
            return kept
        made = make()
        self._kept[key] = (made, size(made))
        self.held += self._kept[key][1]
        while self.held > self.limit and len(self._kept) > 1:
            self.held -= self._kept.popitem(last=False)[1][1]
        return made


def content_key(array: npt.NDArray[Any]) -> Hashable:
    """What tells an array from every other: its type, its shape and its content."""
    return array.dtype.str, array.shape, digest(array)


def digest(array: npt.NDArray[Any]) -> bytes:
    """16 bytes that tell arrays of one type and shape apart by their content."""
    return hashlib.blake2b(array.data, digest_size=16).digest()
