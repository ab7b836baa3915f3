"""The 1 to 5 labelled photographs to learn from."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.fewshot import read_manifest
from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError, UsageError

MOST_SHOTS = 5


def labelled_photographs(data: SegmentationData, count: int = MOST_SHOTS) -> tuple[Sample, ...]:
    """The first labelled samples with a defect, of the training split where there is one.

    Raises:
        DataError: none has a defect.
        UsageError: fewer than one was asked for.
    """
    if count < 1:
        raise UsageError(f"{count} photographs", where="--shots", remedy="Give 1 or more")
    part = data.split("train") if "train" in data.splits else data
    chosen: list[Sample] = []
    for sample in part.binary().labelled():
        if len(chosen) == count:
            break
        if sample.read()[1].any():
            chosen.append(sample)
    if not chosen:
        raise DataError(
            "no image with a labelled defect to learn from",
            where=data.root,
            remedy="Put photographs into images/ and their masks, of the same names, into masks/",
        )
    return tuple(chosen)


def supports_of_class(manifest: Path, name: str, count: int = MOST_SHOTS) -> tuple[Sample, ...]:
    """The first supports of a class of a few-shot manifest; raises DataError."""
    return read_manifest(manifest)[name].support[:count]
