"""What the search for copies says about a dataset: which images leak, and which masks contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from flawscope.data.examine import Facts
from flawscope.data.findings import Finding, found
from flawscope.data.leakage import Pair, Pairs
from flawscope.data.likeness import turned
from flawscope.data.samples import Sample, SegmentationData

_AGREEMENT = 0.5
_SMALLEST_MARK = 5.0  # cells of a 32x32 outline: below this two masks of one defect may disagree by chance
_TRAINED_FIRST = {"train": 0, "val": 1}


def about_copies(data: SegmentationData, facts: Sequence[Facts], pairs: Pairs) -> list[Finding]:
    """Findings about leaks, repetitions, contradictions, and what could not be compared."""
    across = [
        pair
        for pair in pairs.pairs
        if crosses(data.samples[pair.first].split, data.samples[pair.second].split)
    ]
    copies, alike = leaked(data, across)
    divided = bool(data.splits)
    inside = {
        index: pair
        for pair in pairs.pairs
        if data.samples[pair.first].split == data.samples[pair.second].split
        and (pair.kind != "alike" or not divided)
        for index in (pair.second, pair.first)
    }
    unalike = [
        f"{_told(data, pair, pair.first)}: their masks agree to {agreement:.0%}"
        for pair in pairs.pairs
        if pair.kind != "alike"
        and (agreement := _agreement(facts, pair)) is not None
        and agreement < _AGREEMENT
    ]
    plain = [
        sample.name
        for sample, one in zip(data.samples, facts, strict=True)
        if one.image is not None and not one.image.likeness.comparable and not one.image.likeness.constant
    ]
    return [
        *found("leaked-copies", [_told(data, pair, index) for index, pair in sorted(copies.items())]),
        *found("alike-across-splits", [_told(data, pair, index) for index, pair in sorted(alike.items())]),
        *found(
            "copies-within-split" if divided else "copies-undivided",
            [_told(data, pair, index) for index, pair in sorted(inside.items())],
        ),
        *found("conflicting-masks", unalike),
        *found("too-plain", plain),
        *found("search-cut", [] if pairs.complete else ["the JSON lists the pairs that were kept"]),
    ]


def crosses(first: str | None, second: str | None) -> bool:
    """Whether two splits are known and different."""
    return first is not None and second is not None and first != second


def leaked(data: SegmentationData, across: Sequence[Pair]) -> tuple[dict[int, Pair], dict[int, Pair]]:
    """The image of each pair that is farther from training, with its most similar partner: copies, alike."""
    copies: dict[int, Pair] = {}
    alike: dict[int, Pair] = {}
    for pair in sorted(across, key=lambda one: one.similarity):
        index = max(
            pair.first, pair.second, key=lambda one: _TRAINED_FIRST.get(str(data.samples[one].split), 2)
        )
        (alike if pair.kind == "alike" else copies)[index] = pair
    return copies, {index: pair for index, pair in alike.items() if index not in copies}


def _told(data: SegmentationData, pair: Pair, index: int) -> str:
    one, other = data.samples[index], data.samples[pair.second if index == pair.first else pair.first]
    told = "same pixels" if pair.kind == "identical" else f"similarity {pair.similarity:.2f}"
    turn = "" if pair.symmetry == 0 else f", {pair.transform}"
    return f"{_with_split(one)} and {_with_split(other)}: {told}{turn}"


def _with_split(sample: Sample) -> str:
    return sample.name if sample.split is None else f"{sample.name} ({sample.split})"


def _agreement(facts: Sequence[Facts], pair: Pair) -> float | None:
    """Overlap of the masks of two copies, 0 to 1; None when one has none or both are (nearly) empty."""
    first, second = facts[pair.first].mask, facts[pair.second].mask
    if first is None or second is None or first.thumb is None or second.thumb is None:
        return None
    one, other = turned(first.thumb, pair.symmetry), second.thumb
    union = float(abs(one + other + abs(one - other)).sum() / 2)
    if union < _SMALLEST_MARK:
        return None
    return float((one + other - abs(one - other)).sum() / 2) / union
