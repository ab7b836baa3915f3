"""A few labelled images of a training part, as a user has them at the beginning."""

from __future__ import annotations

import numpy as np

from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import UsageError


def few_of(data: SegmentationData, images: int, seed: int) -> SegmentationData:
    """The dataset with only so many training images; other splits stay, without validation images.

    Every kind of image gets its turn, one physical piece after the other, so that few images show as much as they
    can; a larger number of the same seed contains a smaller one.

    Args:
        data: divided or not.
        images: how many to keep.
        seed: of the drawing.

    Raises:
        UsageError: there are fewer.
    """
    divided = "train" in data.splits
    candidates = [sample for sample in data.labelled() if not divided or sample.split == "train"]
    if images > len(candidates):
        raise UsageError(
            f"{images} training images were asked for, and there are {len(candidates)}",
            where=data.root,
            remedy="Ask for fewer",
        )
    generator = np.random.default_rng(seed)
    queues: dict[str, list[Sample]] = {}
    for number in generator.permutation(len(candidates)):
        sample = candidates[int(number)]
        queues.setdefault(sample.kind or "", []).append(sample)
    order = [_pieces_in_turn(queues[kind]) for kind in sorted(queues)]
    chosen: set[str] = set()
    while len(chosen) < images:
        for queue in order:
            if queue and len(chosen) < images:
                chosen.add(queue.pop(0).name)
    held_out = ("val", "validation")
    return data.where(
        lambda sample: sample.name in chosen or (divided and sample.split not in ("train", *held_out))
    )


def _pieces_in_turn(samples: list[Sample]) -> list[Sample]:
    """The first image of every piece, then the second of each, and so on."""
    seen: dict[str, int] = {}
    ranked = []
    for sample in samples:
        piece = sample.group or sample.name
        seen[piece] = rank = seen.get(piece, 0) + 1
        ranked.append((rank, sample))
    return [sample for _, sample in sorted(ranked, key=lambda pair: pair[0])]
