"""Copies among many images: identical, turned, mirrored, recompressed or nearly so.

Coarse maps of all images are compared with all eight symmetries of each other, a block at a time, by matrix
products; what passes is confirmed on the fine maps. The limits are read off real data: copies
in NEU-Seg, all of them recompressed, reach .95 coarse and .70 fine; images that are blends of two others reach
.5 to .8 and .3 to .8; different images of one steel stay below .75 and .45, and of one kind of magnetic tile,
whose outlines agree, below .85 and .5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from flawscope.data.likeness import COARSE, FINE, SYMMETRIES, Likeness, turned

Kind = Literal["identical", "copy", "alike"]

CANDIDATE = 0.5
"""Coarse correlation from which a pair is looked at more closely."""

COPY_COARSE, COPY_FINE = 0.93, 0.6
"""Correlations from which a pair counts as a copy."""

ALIKE_FINE = 0.5
"""Fine correlation from which a pair counts as alike: the same piece again, or a blend."""

MOST_PARTNERS = 200
"""Candidates looked at for one image; more than that are copies of copies anyway."""

_IDENTICAL_FINE = 0.99
_BLOCK = 256
_CONFIRM = 128


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that look like one.

    Attributes:
        first: index of one image.
        second: index of the other, larger than ``first``.
        symmetry: which of the ``SYMMETRIES`` turns the first into the second.
        similarity: correlation of their fine maps, -1 to 1.
        kind: ``"identical"`` (the same pixels, turned or not), ``"copy"`` (the same picture, recompressed,
            resized or relit), or ``"alike"`` (shares much of its picture: the same piece photographed again, an
            overlapping cut, or a blend).
    """

    first: int
    second: int
    symmetry: int
    similarity: float
    kind: Kind

    @property
    def transform(self) -> str:
        """The symmetry in words."""
        return SYMMETRIES[self.symmetry]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The outcome of the search.

    Attributes:
        pairs: by first image, then second.
        complete: False when some image had more than ``MOST_PARTNERS`` candidates.
    """

    pairs: tuple[Pair, ...]
    complete: bool


def find_pairs(
    images: Sequence[Likeness | None],
    splits: Sequence[str | None],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Pairs:
    """Every pair of images that look like one.

    Args:
        images: what each image looks like; None for one that could not be read.
        splits: the split of each image; pairs across splits go first where an image has too many.
        advance: told after each block how many images are done with.
    """
    rows = np.array([i for i, one in enumerate(images) if one is not None and one.comparable], dtype=np.int64)
    found = _same_pixels(images)
    complete = True
    if len(rows) > 1:
        known = [one for one in images if one is not None and one.comparable]
        coarse = np.stack([one.coarse for one in known])
        fine = _Fine(np.stack([one.fine for one in known]))
        parts = {name: number for number, name in enumerate(dict.fromkeys(splits))}
        home = np.array([parts[splits[row]] for row in rows])
        for start in range(0, len(rows), _BLOCK):
            first, second, symmetry, score, all_of_them = _candidates(coarse, home, start)
            complete &= all_of_them
            similarity = fine.correlate(first, second, symmetry)
            for a, b, turn, rough, near in zip(first, second, symmetry, score, similarity, strict=True):
                kind = _kind(known[a], known[b], float(rough), float(near))
                if kind is not None:
                    found.append(Pair(int(rows[a]), int(rows[b]), int(turn), round(float(near), 4), kind))
            advance(min(_BLOCK, len(rows) - start))
    return Pairs(tuple(sorted(found, key=lambda pair: (pair.first, pair.second))), complete)


def clusters(pairs: Sequence[Pair], count: int) -> list[list[int]]:
    """Images joined by ``pairs``, directly or through others; sets of one are left out."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for pair in pairs:
        parent[root(pair.second)] = root(pair.first)
    members: dict[int, list[int]] = defaultdict(list)
    for item in range(count):
        members[root(item)].append(item)
    return [items for items in members.values() if len(items) > 1]


def _same_pixels(images: Sequence[Likeness | None]) -> list[Pair]:
    """Equal images among those too plain or too small for comparison; constant ones say nothing and stay out."""
    equal: dict[bytes, list[int]] = defaultdict(list)
    for index, one in enumerate(images):
        if one is not None and not one.comparable and not one.constant:
            equal[one.pixels].append(index)
    chosen: Iterator[tuple[int, int]] = (
        pair for group in equal.values() for pair in islice(combinations(group, 2), MOST_PARTNERS**2)
    )
    return [Pair(first, second, 0, 1.0, "identical") for first, second in chosen]


def _candidates(
    coarse: npt.NDArray[np.float32], home: npt.NDArray[np.int64], start: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], bool]:
    """Pairs of one block with itself and everything after it: first, second, symmetry, score; all of them?"""
    stop = min(start + _BLOCK, len(coarse))
    rest = coarse[start:].reshape(-1, COARSE * COARSE).T
    best = np.full((stop - start, len(coarse) - start), -1.0, dtype=np.float32)
    which = np.zeros(best.shape, dtype=np.int8)
    for symmetry in range(len(SYMMETRIES)):
        block = turned(coarse[start:stop], symmetry).reshape(stop - start, -1)
        score = block @ rest
        better = score > best
        np.copyto(best, score, where=better)
        np.copyto(which, np.int8(symmetry), where=better)
    best[np.tril_indices(stop - start)] = -1.0
    crowded = np.flatnonzero((best >= CANDIDATE).sum(axis=1) > MOST_PARTNERS)
    for row in crowded:
        rank = best[row] + 2.0 * (home[start:] != home[start + row])
        rank[best[row] < CANDIDATE] = -1.0
        best[row, np.argpartition(-rank, MOST_PARTNERS)[MOST_PARTNERS:]] = -1.0
    first, second = np.nonzero(best >= CANDIDATE)
    return first + start, second + start, which[first, second], best[first, second], len(crowded) == 0


class _Fine:
    """The fine maps of all images, and what their correlations need, which no symmetry changes."""

    def __init__(self, maps: npt.NDArray[np.int8]) -> None:
        self.maps = maps
        flat = maps.reshape(len(maps), -1)
        self.mean = flat.mean(axis=1, dtype=np.float64)
        squares = np.array([np.square(one.astype(np.float32)).sum(dtype=np.float64) for one in flat])
        self.norm = np.sqrt(np.maximum(squares - flat.shape[1] * self.mean**2, 1e-6))

    def correlate(
        self, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], symmetry: npt.NDArray[np.int8]
    ) -> npt.NDArray[np.float64]:
        """Correlation of each first map, turned, with its second."""
        similarity = np.zeros(len(first))
        for number in range(len(SYMMETRIES)):
            chosen = np.flatnonzero(symmetry == number)
            for start in range(0, len(chosen), _CONFIRM):
                part = chosen[start : start + _CONFIRM]
                a, b = first[part], second[part]
                left = turned(self.maps[a], number).reshape(len(part), -1).astype(np.float32)
                right = self.maps[b].reshape(len(part), -1).astype(np.float32)
                product = np.einsum("np,np->n", left, right).astype(np.float64)
                product -= FINE * FINE * self.mean[a] * self.mean[b]
                similarity[part] = product / (self.norm[a] * self.norm[b])
        return similarity


def _kind(first: Likeness, second: Likeness, coarse: float, fine: float) -> Kind | None:
    if fine >= _IDENTICAL_FINE and first.values == second.values:
        return "identical"
    if coarse >= COPY_COARSE and fine >= COPY_FINE:
        return "copy"
    return "alike" if fine >= ALIKE_FINE else None
