"""Samples as tensors, with randomness that depends on (seed, epoch, position) alone.

Nothing random survives from one epoch to the next, so a run that was killed and resumed from the end of an
epoch sees the same images in the same order with the same augmentation as one that was not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from flawscope.data.samples import Sample, SegmentationData
from flawscope.images import Image, Mask, to_float
from flawscope.segment.header import Header
from flawscope.segment.preprocess import network_input
from flawscope.train.augment import Augment, symmetry

_CACHE_BYTES = 3_000_000_000


class SampleCache:
    """Decoded images and masks kept in memory until they fill ``limit`` bytes; the rest is read each time."""

    def __init__(self, data: SegmentationData, limit: int = _CACHE_BYTES) -> None:
        self.samples: tuple[Sample, ...] = data.samples
        self._kept: dict[int, tuple[Image, Mask]] = {}
        self._room = limit

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Image, Mask]:
        kept = self._kept.get(index)
        if kept is None:
            kept = self.samples[index].read()
            size = kept[0].nbytes + kept[1].nbytes
            if size <= self._room:
                self._kept[index] = kept
                self._room -= size
        return kept


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """Augmented, normalised images and soft class maps at network size.

    Args:
        data: labelled samples.
        header: input size, normalisation and labels.
        augment: geometry and light.
        seed: of the run.
        copies: 8 visits each image under the eight symmetries of the square in every epoch, as the paper's
            offline copies do; 1 visits it once.
        defect_share: share of an epoch's visits that go to images with a defect, which come again, or not all, to
            that end; an epoch stays as long. None visits all images alike.

    Items are ``(3, h, w)`` and ``(K, h, w)`` ``float32``. Items are asked for by ``epoch * len(self) + position``
    (see :class:`EpochSampler`).
    """

    def __init__(
        self,
        data: SegmentationData,
        header: Header,
        augment: Augment,
        *,
        seed: int,
        copies: int = 1,
        defect_share: float | None = None,
    ) -> None:
        self._cache = SampleCache(data)
        self._classes = len(header.labels)
        self._augment = augment
        self._seed = seed
        self._copies = copies
        self._mean = torch.tensor(header.mean).view(3, 1, 1)
        self._std = torch.tensor(header.std).view(3, 1, 1)
        self._visits: Visits | None = None
        if defect_share is not None:
            defective = [bool(self._cache[index][1].any()) for index in range(len(self._cache))]
            self._visits = Visits(np.repeat(defective, copies), defect_share, seed)

    def __len__(self) -> int:
        return len(self._cache) * self._copies

    def __getitem__(self, ticket: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(ticket, len(self))
        if self._visits is not None:
            position = self._visits.of(epoch)[position]
        index, copy = divmod(position, self._copies)
        image, mask = self._cache[index]
        pixels = torch.from_numpy(to_float(image)).permute(2, 0, 1)
        target = torch.from_numpy(class_maps(mask, self._classes))
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would look for accelerators each time, which takes as long as a crop
            torch.default_generator.manual_seed(_mix(self._seed, ticket))
            pixels, target = self._augment(symmetry(copy, pixels), symmetry(copy, target))
        return (pixels - self._mean) / self._std, target


class Visits:
    """What is visited in an epoch, so that a wanted share has a defect.

    Args:
        defective: of every position, whether its image has a defect.
        share: of visits to positions that have one.
        seed: of the run.
    """

    def __init__(self, defective: npt.NDArray[np.bool_], share: float, seed: int) -> None:
        self._pools = tuple(np.flatnonzero(defective == wanted) for wanted in (True, False))
        self._share = share
        self._seed = seed
        self._epoch, self._positions = -1, np.empty(0, np.intp)

    def of(self, epoch: int) -> npt.NDArray[np.intp]:
        """As many positions as there are; each of a pool comes equally often, or once less."""
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, epoch])
            everything = sum(map(len, self._pools))
            wanted = everything if not len(self._pools[1]) else round(self._share * everything)
            if not len(self._pools[0]):
                wanted = 0
            counts = (wanted, everything - wanted)
            self._positions = np.concatenate(
                [_in_turns(pool, count, generator) for pool, count in zip(self._pools, counts, strict=True)]
            )
            self._epoch = epoch
        return self._positions


def _in_turns(pool: npt.NDArray[np.intp], count: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    rounds = [generator.permutation(pool) for _ in range(-(-count // max(1, len(pool))))]
    return np.concatenate([*rounds, np.empty(0, np.intp)])[:count]


class EpochSampler(Sampler[int]):
    """Every position once an epoch, in an order that depends on seed and epoch alone.

    Yields tickets ``epoch * length + position``; Lightning tells the epoch through ``set_epoch``.
    """

    def __init__(self, length: int, seed: int) -> None:
        self._length = length
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """The epoch about to begin, counted from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(_mix(self._seed, self._epoch))
        order = torch.randperm(self._length, generator=generator)
        return iter((order + self._epoch * self._length).tolist())


class ValidationItem(NamedTuple):
    """One validation image: network input ``(3, h, w)``, and the image and mask at their own size."""

    inputs: Tensor
    image: Image
    mask: Mask
    name: str


class ValidationSet(Dataset[ValidationItem]):
    """Images exactly as prediction sees them, with their masks at original size."""

    def __init__(self, data: SegmentationData, header: Header) -> None:
        self._cache = SampleCache(data)
        self._header = header

    def __len__(self) -> int:
        return len(self._cache)

    def __getitem__(self, index: int) -> ValidationItem:
        image, mask = self._cache[index]
        inputs = torch.from_numpy(network_input(image, self._header))
        return ValidationItem(inputs, image, mask, self._cache.samples[index].name)


def class_maps(mask: Mask, classes: int) -> npt.NDArray[np.float32]:
    """``(K, h, w)`` ``float32`` of 0 and 1 from class numbers."""
    numbers = np.arange(1, classes + 1, dtype=np.uint8)[:, None, None]
    return np.ascontiguousarray((mask[None] == numbers).astype(np.float32))


def _mix(seed: int, number: int) -> int:
    """A 63-bit seed from two numbers, without the correlations of sums."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> np.uint64(1))
