"""What an image encoder said, kept for the next prompt on the same image."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from flawscope.images import Image

if TYPE_CHECKING:
    from torch import Tensor

    Embedding: TypeAlias = tuple[Tensor, ...]


def image_key(image: Image) -> bytes:
    """A digest of the pixels, their type and the image's shape."""
    digest = hashlib.blake2b(f"{image.dtype} {image.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()


class EmbeddingCache:
    """The embeddings of the images used last, bounded by their size.

    Args:
        limit: bytes. One embedding is kept however large it is, so that prompts on one image always share it; 0 keeps
            none.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[bytes, Embedding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Embedding | None:
        """The embedding under ``key``, which becomes the last used."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: bytes, embedding: Embedding) -> None:
        """Keep ``embedding``; those unused longest make room."""
        if self.limit <= 0 or key in self._kept:
            return
        self._kept[key] = embedding
        self.size += _bytes(embedding)
        while self.size > self.limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self.size -= _bytes(dropped)


def _bytes(embedding: Embedding) -> int:
    return sum(level.element_size() * level.nelement() for level in embedding)
