"""Which samples train and which validate."""

from __future__ import annotations

import numpy as np

from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError

_HELD_OUT = 0.1


def train_and_validation(
    data: SegmentationData, *, validate: bool, seed: int
) -> tuple[SegmentationData, SegmentationData | None]:
    """The training part and, if wanted, the validation part of a dataset.

    Uses the splits ``train`` and ``val`` where they exist. An undivided dataset is all training. Without a
    ``val`` split a tenth of the training groups is held out, stratified by kind; samples that share a group are
    never parted.

    Raises:
        DataError: nothing labelled to train on, or too little to hold anything out.
    """
    labelled = data.labelled()
    train = labelled.split("train") if "train" in labelled.splits else labelled
    if "train" not in labelled.splits and labelled.splits:
        known = ", ".join(labelled.splits)
        raise DataError(
            f"there is no split named 'train' (there are: {known})",
            where=data.root,
            remedy="Make splits with 'flawscope data split' and give the file with --splits",
        )
    if not train.samples:
        raise DataError("no labelled image to train on", where=data.root, remedy="Add masks to the images")
    if not validate:
        return train, None
    for name in ("val", "validation"):
        if name in labelled.splits:
            return train, labelled.split(name)
    held = _held_out(train.samples, seed)
    if not held or len(held) == len(train):
        raise DataError(
            f"{len(train)} labelled images are too few to hold some out for validation",
            where=data.root,
            remedy="Add images, or train without validation with --validate-every 0",
        )
    return train.where(lambda s: s.name not in held), train.where(lambda s: s.name in held)


def _held_out(samples: tuple[Sample, ...], seed: int) -> set[str]:
    """Names of about a tenth of the samples, whole groups, from each kind in proportion."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.group or f"\0{sample.name}", []).append(sample)
    by_kind: dict[str, list[str]] = {}
    for name, members in groups.items():
        by_kind.setdefault(members[0].kind or "", []).append(name)
    held: set[str] = set()
    generator = np.random.default_rng(seed)
    for kind in sorted(by_kind):
        names = sorted(by_kind[kind])
        generator.shuffle(names)
        wanted = max(1, round(_HELD_OUT * sum(len(groups[name]) for name in names)))
        taken = 0
        for name in names[:-1]:  # at least one group of each kind trains
            if taken >= wanted:
                break
            held.update(sample.name for sample in groups[name])
            taken += len(groups[name])
    return held
