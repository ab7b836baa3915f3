"""Dividing a dataset into train, val and test, with what belongs together kept together."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from flawscope.data.samples import Sample, SegmentationData
from flawscope.data.splits import load_json
from flawscope.errors import DataError, UsageError

Stratify = Literal["kind", "none"]


def divide(
    data: SegmentationData, *, val: float, test: float, stratify: Stratify = "kind", seed: int = 0
) -> SegmentationData:
    """Give every sample a split; samples of one group never part.

    Groups are shuffled by the seed and placed largest first, each where it brings the shares of its kinds and of
    the whole nearest to the wanted ones (least squares). When every group is a single image, the splits have
    exactly the wanted sizes, rounded by largest remainder; otherwise they come as close as the groups allow.

    Args:
        data: samples; a sample without ``group`` is a group of its own.
        val: share of validation, 0 to below 1; 0 makes no such split.
        test: share of test.
        stratify: ``"kind"`` spreads each kind alike over the splits.
        seed: the same seed and data give the same splits.

    Raises:
        UsageError: the shares are negative or leave nothing to train on.
    """
    if min(val, test) < 0 or val + test >= 1:
        raise UsageError(
            f"--val {val:g} and --test {test:g} do not leave anything to train on",
            remedy="Give shares such as --val 0.1 --test 0.2",
        )
    shares = {"train": 1 - val - test, "val": val, "test": test}
    shares = {name: share for name, share in shares.items() if share > 0}
    sizes = _largest_remainder(shares, len(data.samples))
    groups: dict[str, list[int]] = {}
    for index, sample in enumerate(data.samples):
        groups.setdefault(f"#{index}" if sample.group is None else f"g{sample.group}", []).append(index)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)
    kinds = [sample.kind if stratify == "kind" else None for sample in data.samples]
    totals = Counter(kinds)
    lacking = dict(sizes)
    short = {name: dict.fromkeys(totals, share) for name, share in shares.items()}
    overall = dict(shares)
    chosen: dict[int, str] = {}
    for members in order:
        parts = {kind: n / totals[kind] for kind, n in Counter(kinds[index] for index in members).items()}
        part = len(members) / len(data.samples)

        def gain(name: str, parts: dict[str | None, float] = parts, part: float = part) -> float:
            """How much the squared errors of the shares fall, relative to the wanted share."""
            by_kind = sum(p * (2 * short[name][kind] - p) for kind, p in parts.items())
            return (by_kind + len(totals) * part * (2 * overall[name] - part)) / shares[name]

        best = max([name for name in shares if lacking[name] >= len(members)] or list(shares), key=gain)
        lacking[best] -= len(members)
        overall[best] -= part
        for kind, share in parts.items():
            short[best][kind] -= share
        chosen.update(dict.fromkeys(members, best))
    samples = [replace(sample, split=chosen[index]) for index, sample in enumerate(data.samples)]
    ranked = sorted(samples, key=lambda sample: list(shares).index(str(sample.split)))
    return replace(data, samples=tuple(ranked))


def _largest_remainder(shares: dict[str, float], total: int) -> dict[str, int]:
    exact = {name: share * total for name, share in shares.items()}
    sizes = {name: int(size + 1e-9) for name, size in exact.items()}
    by_rest = sorted(exact, key=lambda name: sizes[name] - exact[name])
    for name in by_rest[: total - sum(sizes.values())]:
        sizes[name] += 1
    return sizes


def group_by(data: SegmentationData, rule: str) -> SegmentationData:
    """Give samples their groups by a file or a regular expression.

    Args:
        data: samples.
        rule: a file (CSV with the columns ``image`` and ``group``, or JSON ``{"image": "group"}``, paths
            relative to the dataset's folder), or a regular expression that is searched in each sample's name;
            its first group, or else the whole match, is the sample's group. Samples that the rule does not
            speak of keep the group they have.

    Raises:
        UsageError: not a regular expression, or it matches nothing.
        DataError: the file is not of the form, or names no image of the dataset.
    """
    file = Path(rule)
    if file.suffix.lower() in (".csv", ".json"):
        told = _read_groups(file)
        named = [told.get(_below(sample, data.root)) for sample in data.samples]
        if not any(named):
            raise DataError(
                f"names none of the {len(named)} images",
                where=file,
                remedy="Paths are relative to the dataset",
            )
    else:
        try:
            pattern = re.compile(rule)
        except re.error as error:
            raise UsageError(f"'{rule}' is not a regular expression ({error})", where="--group-by") from error
        found = [pattern.search(sample.name) for sample in data.samples]
        named = [None if hit is None else (hit.group(1) if pattern.groups else hit.group()) for hit in found]
        if not any(named):
            raise UsageError(
                f"'{rule}' matches no sample name (such as '{data.samples[0].name}')",
                where="--group-by",
                remedy="Names are paths without suffix; put what siblings share in parentheses",
            )
    samples = [replace(s, group=n or s.group) for s, n in zip(data.samples, named, strict=True)]
    return replace(data, samples=tuple(samples))


def _below(sample: Sample, root: Path) -> str:
    inside = sample.image.relative_to(root) if sample.image.is_relative_to(root) else sample.image
    return inside.as_posix()


def _read_groups(file: Path) -> dict[str, str]:
    if not file.is_file():
        raise UsageError("no such file", where=file, remedy="Check the path given to --group-by")
    if file.suffix.lower() == ".json":
        content = load_json(file)
        if not isinstance(content, dict):
            raise DataError('groups are JSON such as {"images/a.png": "piece1"}', where=file)
        return {str(image): str(group) for image, group in content.items()}
    with file.open(newline="", encoding="utf-8-sig") as opened:
        rows = csv.DictReader(opened)
        if not {"image", "group"} <= set(rows.fieldnames or ()):
            raise DataError("groups are CSV with the columns 'image' and 'group'", where=file)
        return {row["image"].replace("\\", "/"): row["group"] for row in rows}


def summary(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Numbers of images and groups, and of images a kind, for each split."""
    told: dict[str, dict[str, int]] = {}
    for split in dict.fromkeys(sample.split for sample in samples):
        part = [sample for sample in samples if sample.split == split]
        groups = {sample.group for sample in part if sample.group is not None}
        kinds = Counter(sample.kind for sample in part if sample.kind is not None)
        single = sum(sample.group is None for sample in part)
        told[split or "unassigned"] = {"images": len(part), "groups": len(groups) + single, **kinds}
    return told
