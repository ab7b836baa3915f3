"""Images that are reduced so far to the network's input that defects vanish: when that is, and what follows.

An image seen whole is stretched to the network's input. Results say so where it was reduced too far, a verdict on it
is never accept, and a run tells how many there were; ``--allow-reduction`` says that it is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flawscope.inspect.rule_conflicts import REDUCED
from flawscope.inspect.tables import Record
from flawscope.inspect.verdict import Finding, Verdict, verdict_of
from flawscope.segment.base import Segmenter
from flawscope.segment.loading import network_header
from flawscope.segment.tiled import Tiled
from flawscope.segment.wrapper import Wrapper

MOST = 8.0
"""A side may be so many times as long as the network's."""

LONG, MOST_LONG = 4.0, 4.0
"""Of an image more than ``LONG`` times as long as wide, no side may be over ``MOST_LONG`` times the network's."""

_REMEDY = "use --tile auto or --strip"


def reduction(segmenter: Segmenter, height: int, width: int, *, allowed: bool) -> dict[str, Any]:
    """What the record of an image says of its reduction: ``reduction``, or nothing where it is not too far.

    Tiles choose their scale, and a segmenter without a network has none.

    Args:
        segmenter: sees the image.
        height: rows of the image.
        width: its columns.
        allowed: whether it is meant.
    """
    header = network_header(segmenter)
    if header is None or _in_tiles(segmenter):
        return {}
    factor = max(height / header.imgsz[0], width / header.imgsz[1])
    limit = MOST_LONG if max(height, width) > LONG * min(height, width) else MOST
    if factor <= limit:
        return {}
    return {"reduction": {"factor": round(factor, 2), "limit": limit, "allowed": allowed}}


def reviewed(verdict: Verdict, reduced: dict[str, Any] | None) -> Verdict:
    """The verdict, at least review where ``reduction`` of the record says that the image was reduced too far."""
    if reduced is None or reduced["allowed"]:
        return verdict
    finding = Finding(
        REDUCED,
        "review",
        (),
        {"reduction": {"min": reduced["limit"]}},
        {"reduction": reduced["factor"]},
        words=f"seen at {_share(reduced['factor'])} of its size: {_REMEDY}",
    )
    return verdict_of(
        [finding, *verdict.findings],
        verdict.defects,
        verdict.rules,
        verdict.rules_sha256,
        verdict.calibration,
    )


@dataclass
class Reductions:
    """Counts the images that were reduced too far, for one line about them all."""

    count: int = 0
    allowed: int = 0
    factor: float = 1.0
    source: str = ""

    @classmethod
    def of(cls, records: Iterable[Record]) -> Reductions:
        """Those among records."""
        found = cls()
        for record in records:
            found.add(record)
        return found

    def add(self, record: Record) -> None:
        """Count a record if there is something to say of it."""
        reduced = record.get("reduction")
        if reduced is None:
            return
        self.count += 1
        self.allowed += reduced["allowed"]
        if reduced["factor"] > self.factor:
            self.factor, self.source = reduced["factor"], record["source"]

    def lines(self, *, also_allowed: bool = False) -> list[str]:
        """One line, or none; ``also_allowed`` where it was meant, too."""
        allowed = self.allowed == self.count
        if not self.count or (allowed and not also_allowed):
            return []
        seen = (
            f"{self.source} was seen at {_share(self.factor)} of its size"
            if self.count == 1
            else f"{self.count:,} images were seen at down to {_share(self.factor)} of their size"
        )
        if allowed:
            return [f"{seen}, as --allow-reduction says"]
        return [f"{seen}, where defects vanish: {_REMEDY}, or --allow-reduction for weights trained so"]


def _in_tiles(segmenter: Segmenter) -> bool:
    while isinstance(segmenter, Wrapper):
        if isinstance(segmenter, Tiled):
            return True
        segmenter = segmenter.segmenter
    return False


def _share(factor: float) -> str:
    return f"1/{round(factor, 1 if factor < 10 else None):g}"
