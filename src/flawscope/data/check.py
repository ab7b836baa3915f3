"""The examination of a dataset: what is broken, what is doubtful, and what leaks from one split to another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flawscope.data.copies import about_copies, crosses, leaked
from flawscope.data.examine import Facts, examine
from flawscope.data.findings import Finding, found, worst_first
from flawscope.data.leakage import Pair, Pairs, clusters, find_pairs
from flawscope.data.questions import about_images, about_masks
from flawscope.data.samples import Problem, SegmentationData, open_data
from flawscope.data.splits import groups_across, split_entry
from flawscope.errors import FlawscopeError

Progress = Callable[[str, int, int], None]
"""Told the stage's name, how many images are done, and how many there are."""

_MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the examination found.

    Attributes:
        data: the dataset.
        facts: what is known about each sample, in the dataset's order.
        pairs: images that look like one, with indices into the samples.
        distinct: images left when each set of copies counts once; None without the search for copies.
        findings: worst first.
    """

    data: SegmentationData
    facts: tuple[Facts, ...]
    pairs: Pairs | None
    distinct: int | None
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> bool:
        """Whether anything of severity ``"error"`` was found."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: train, val and test first, then others in order of appearance."""
        known = ("train", "val", "test")
        return tuple(
            sorted(self.data.splits, key=lambda name: known.index(name) if name in known else len(known))
        )

    def untaught(self) -> list[str]:
        """Classes that some split shows and the training split does not; none where there is no training split."""
        if "train" not in self.data.splits:
            return []
        counts = {row["label"]: row["images_by_split"] for row in self.class_table()[1:]}
        return [label for label, images in counts.items() if images.total() and not images["train"]]

    def across(self) -> list[Pair]:
        """Pairs whose images are in different splits."""
        samples = self.data.samples
        return [
            pair
            for pair in (self.pairs.pairs if self.pairs else ())
            if crosses(samples[pair.first].split, samples[pair.second].split)
        ]

    def leaked(self) -> dict[str, dict[str, int]]:
        """For each split but the one trained on: its images, those with a copy elsewhere, those only alike."""
        copies, alike = leaked(self.data, self.across())
        sizes = Counter(sample.split for sample in self.data.samples)
        return {
            split: {
                "images": sizes[split],
                "with_copy": sum(self.data.samples[index].split == split for index in copies),
                "only_alike": sum(self.data.samples[index].split == split for index in alike),
            }
            for split in self.splits
            if split != "train"
        }

    def groups(self) -> dict[str, str]:
        """A group for each image that has a copy, is alike another, or had a group: what must stay together.

        Keys are image paths relative to the dataset's folder, as ``flawscope data split --group-by`` takes them.
        """
        samples = self.data.samples
        links = list(self.pairs.pairs if self.pairs else ())
        first: dict[str, int] = {}
        for index, sample in enumerate(samples):
            if sample.group is not None:
                links.append(Pair(first.setdefault(sample.group, index), index, 0, 1.0, "alike"))
        return {
            split_entry(samples[index], self.data.root)["image"]: f"piece{number}"
            for number, cluster in enumerate(clusters(links, len(samples)), start=1)
            for index in cluster
        }

    def class_table(self) -> list[dict[str, Any]]:
        """For each class: images that show it, its pixels, and its share of all pixels, overall and by split."""
        rows: list[dict[str, Any]] = []
        for number, label in enumerate(("background", *self.data.labels)):
            row: dict[str, Any] = {"label": label, "images": 0, "pixels": 0, "images_by_split": Counter()}
            for sample, facts in zip(self.data.samples, self.facts, strict=True):
                pixels = facts.mask.pixels if facts.mask else None
                if pixels is not None and number < len(pixels) and pixels[number]:
                    row["images"] += 1
                    row["pixels"] += pixels[number]
                    if sample.split is not None:
                        row["images_by_split"][sample.split] += 1
            rows.append(row)
        total = sum(row["pixels"] for row in rows)
        for row in rows:
            row["share"] = row["pixels"] / total if total else 0.0
        return rows

    def _sizes(self) -> dict[str, int]:
        """Images of each split, those of none last."""
        counts = Counter(sample.split for sample in self.data.samples)
        sizes = {split: counts[split] for split in self.splits}
        return sizes | ({"undivided": counts[None]} if counts[None] else {})

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON: facts, findings with every item, and every pair."""
        samples = self.data.samples
        severities = Counter(finding.severity for finding in self.findings)
        images = [facts.image for facts in self.facts if facts.image is not None]
        masks = [facts.mask for facts in self.facts if facts.mask is not None]
        payload: dict[str, Any] = {
            "dataset": {
                "name": self.data.name,
                "root": self.data.root,
                "layout": self.data.layout,
                "labels": list(self.data.labels),
                "images": len(samples),
                "labelled": len(masks),
                "splits": self._sizes(),
                "sizes": dict(Counter(f"{image.width}x{image.height}" for image in images).most_common(20)),
                "depths": dict(Counter(image.depth for image in images)),
                "mask_encodings": dict(Counter(mask.encoding for mask in masks if mask.encoding)),
                "empty_masks": sum(mask.pixels is not None and not any(mask.pixels[1:]) for mask in masks),
            },
            "verdict": "error" if self.serious else "pass",
            "counts": {severity: severities[severity] for severity in ("error", "warning", "note")},
            "classes": self.class_table(),
            "findings": [finding.to_json() for finding in self.findings],
            "leakage": None,
        }
        if self.pairs is not None:
            payload["leakage"] = {
                "complete": self.pairs.complete,
                "distinct_images": self.distinct,
                "leaked": self.leaked(),
                "pairs_across": len(self.across()),
                "pairs": [_pair_to_json(self.data, pair) for pair in self.pairs.pairs],
                "clusters": [
                    [samples[index].name for index in cluster]
                    for cluster in clusters(self.pairs.pairs, len(samples))
                ],
            }
        return payload


def open_for_check(path: Path, layout: str = "auto", splits: Path | None = None) -> SegmentationData:
    """Open a dataset as :func:`flawscope.data.samples.open_data` does, but go on where masks are unclear.

    A folder with ``images/`` and ``masks/`` whose mask values have no safe reading is opened all the same, with
    the refusal among its problems.
    """
    from flawscope.data.layouts import plain
    from flawscope.data.splits import apply_splits, read_splits
    from flawscope.data.values import Values

    try:
        return open_data(path, layout=layout, splits=splits)
    except FlawscopeError as refusal:
        described = path.is_dir() and (path / "dataset.yaml").is_file()
        if layout not in ("auto", "plain") or described or plain.recognise(path) is None:
            raise
        data = plain.read(path, Values(1, None))
        if splits is not None:
            data = apply_splits(data, read_splits(splits))
        what = " ".join(str(refusal).split()).removeprefix(f"{refusal.where}: ")
        return replace(
            data, problems=(*data.problems, Problem(Path(refusal.where or path), f"{UNCLEAR}{what}"))
        )


UNCLEAR = "unclear masks: "
"""Start of the problem that :func:`open_for_check` records instead of refusing a dataset."""


def check(
    data: SegmentationData,
    *,
    leakage: bool = True,
    workers: int | None = None,
    progress: Progress = lambda *_: None,
) -> CheckReport:
    """Examine every image and mask of a dataset, and compare every image with every other.

    Nothing stops it: what cannot be read is a finding.

    Args:
        data: the dataset.
        leakage: search for copies; comparing takes about a second for 1,000 images and half a minute for 10,000.
        workers: threads that read files; by default one a core, at most 8.
        progress: told how far it is.
    """
    facts = _examine_all(data, workers, progress)
    pairs: Pairs | None = None
    distinct: int | None = None
    findings = [*_about_files(data), *about_images(data, facts), *about_masks(data, facts)]
    if leakage:
        pairs = _search(data, facts, progress)
        copies = [pair for pair in pairs.pairs if pair.kind != "alike"]
        distinct = len(data) - sum(len(cluster) - 1 for cluster in clusters(copies, len(data)))
        findings += about_copies(data, facts, pairs)
    return CheckReport(data, facts, pairs, distinct, worst_first(findings))


def _examine_all(data: SegmentationData, workers: int | None, progress: Progress) -> tuple[Facts, ...]:
    threads = workers or min(_MOST_THREADS, os.cpu_count() or 1)
    facts: list[Facts] = []
    pool = ThreadPoolExecutor(threads)
    try:
        for one in pool.map(lambda sample: examine(sample, len(data.labels)), data.samples):
            facts.append(one)
            progress("reading", len(facts), len(data))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return tuple(facts)


def _search(data: SegmentationData, facts: Sequence[Facts], progress: Progress) -> Pairs:
    likenesses = [one.image.likeness if one.image else None for one in facts]
    total = sum(one is not None and one.comparable for one in likenesses)
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        progress("comparing", done, total)

    return find_pairs(likenesses, [sample.split for sample in data.samples], advance=advance)


def _about_files(data: SegmentationData) -> list[Finding]:
    crossing = groups_across(data.samples)
    unclear = [str(one) for one in data.problems if one.what.startswith(UNCLEAR)]
    others = [
        str(one) for one in data.problems if one.what not in crossing and not one.what.startswith(UNCLEAR)
    ]
    return [
        *found("group-across-splits", crossing),
        *found("file-without-partner", others),
        *found("values-unclear", unclear),
    ]


def _pair_to_json(data: SegmentationData, pair: Pair) -> dict[str, Any]:
    first, second = data.samples[pair.first], data.samples[pair.second]
    return {
        "first": first.name,
        "first_split": first.split,
        "second": second.name,
        "second_split": second.split,
        "across": crosses(first.split, second.split),
        "transform": pair.transform,
        "similarity": pair.similarity,
        "kind": pair.kind,
    }
