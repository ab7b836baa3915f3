"""Escape against overkill at every threshold, how sure both are, and the threshold for a wanted rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from flawscope.evaluate.threshold_looks import GRID, Look, Looks
from flawscope.metrics.arrays import Floats
from flawscope.metrics.intervals import clopper_pearson

CONFIDENCE = 0.95

_END = 0.01
"""So near to 0 or 1 a threshold is odd."""

RateName = Literal["escape", "overkill"]


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """How often one thing goes wrong, at each threshold of ``GRID``.

    Attributes:
        name: ``"escape"``: defective and passed; ``"overkill"``: sound and rejected.
        pieces: independent pieces it was measured on.
        images: images of them.
        units: images, or defects, that were counted.
        value: mean over the pieces of the share that goes wrong of each; NaN without pieces.
        low, high: two-sided 95 % interval of ``value`` (Clopper and Pearson).
        at_most: what ``value`` is at most, at 95 %, one-sided: what these pieces show.
    """

    name: RateName
    pieces: int
    images: int
    units: int
    value: Floats
    low: Floats
    high: Floats
    at_most: Floats

    @property
    def least_shown(self) -> float:
        """The rate that these pieces would show if nothing at all went wrong; 1 without pieces."""
        return 1.0 if not self.pieces else float(1 - (1 - CONFIDENCE) ** (1 / self.pieces))

    def at(self, place: int) -> dict[str, Any]:
        """Plain values at one threshold."""
        return {
            "rate": float(self.value[place]),
            "interval_95": [float(self.low[place]), float(self.high[place])],
            "at_most_95": float(self.at_most[place]),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values at every threshold."""
        return {
            "pieces": self.pieces,
            "images": self.images,
            "units": self.units,
            "least_that_can_be_shown_95": self.least_shown,
            "rate": self.value.tolist(),
            "low_95": self.low.tolist(),
            "high_95": self.high.tolist(),
            "at_most_95": self.at_most.tolist(),
        }


def rate_of(name: RateName, looks: Sequence[Look]) -> Rate:
    """A rate from the images that it is about.

    Images of one piece are no independent evidence: each piece counts once, with the share of its images (or
    defects) that go wrong, and intervals know only the number of pieces.
    """
    pieces: dict[str, list[Look]] = {}
    for look in looks:
        pieces.setdefault(look.piece, []).append(look)
    total = np.zeros(len(GRID))
    for shown in pieces.values():
        total += sum(look.wrong for look in shown) / sum(look.units for look in shown)
    count = len(pieces)
    value = total / count if count else np.full(len(GRID), np.nan)
    low, high = clopper_pearson(total, count, confidence=CONFIDENCE)
    at_most = clopper_pearson(total, count, confidence=2 * CONFIDENCE - 1)[1]
    return Rate(name, count, len(looks), sum(look.units for look in looks), value, low, high, at_most)


@dataclass(frozen=True, slots=True, eq=False)
class Tradeoff:
    """Both rates, measured on the same images.

    Attributes:
        seen: the images.
        escape: over pieces with a defect.
        overkill: over pieces with a sound image.
    """

    seen: Looks
    escape: Rate
    overkill: Rate

    @classmethod
    def of(cls, seen: Looks) -> Tradeoff:
        """Both rates of the images seen."""
        return cls(
            seen,
            rate_of("escape", [look for look in seen.looks if look.defective]),
            rate_of("overkill", [look for look in seen.looks if not look.defective]),
        )

    def choose(self, rate: RateName, wanted: float, *, shown: bool = False) -> int | None:
        """The place in ``GRID`` that keeps one rate as wanted and does best by the other; None if none does.

        For an escape rate that is the highest threshold up to which all keep it, for an overkill rate the lowest
        from which on all do.

        Args:
            rate: which.
            wanted: at most this, 0 to 1.
            shown: the limit that is shown at 95 % must keep it, not only the rate observed. Thresholds are tested
                one after the other from the safe end until one fails, so that choosing does not spoil the 95 %.
        """
        measured = self.escape if rate == "escape" else self.overkill
        values = measured.at_most if shown else measured.value
        good = values <= wanted + 1e-12
        safe_first = good if rate == "escape" else good[::-1]
        kept = len(good) if safe_first.all() else int(np.argmin(safe_first))
        if not kept:
            return None
        return kept - 1 if rate == "escape" else len(good) - kept

    def wrong_at(self, place: int) -> dict[RateName, list[str]]:
        """Names of the images that go wrong at one threshold."""
        wrong = [look for look in self.seen.looks if look.wrong[place]]
        return {
            "escape": [look.name for look in wrong if look.defective],
            "overkill": [look.name for look in wrong if not look.defective],
        }

    def doubts(self, place: int) -> list[str]:
        """What makes a threshold an odd one, in at most one sentence: an end of the scale, or most defects missed."""
        threshold, escape = float(GRID[place]), self.escape
        if escape.pieces and escape.value[place] > 0.5:
            return [
                f"At {threshold:g} {escape.value[place]:.0%} of what is defective escapes: "
                "ask for an escape rate instead, or train further."
            ]
        if _END < threshold < 1 - _END:
            return []
        return [
            f"{threshold:g} lies at an end of the scale, where little of a defect may be marked, "
            "or all of the surface: look at the masks, or count each defect with --rule-of defect."
        ]

    def warnings(self, rate: RateName, wanted: float, *, chosen: bool = True) -> list[str]:
        """What these images cannot promise, in sentences; ``chosen`` is whether a threshold was."""
        lines = []
        for measured, kind in ((self.escape, "defective"), (self.overkill, "sound")):
            if not measured.pieces:
                lines.append(
                    f"There is no {kind} piece among these images: nothing is known of the {measured.name} rate."
                )
                continue
            line = (
                f"With {measured.pieces} {kind} piece{'s' * (measured.pieces != 1)} no {measured.name} rate below "
                f"{100 * measured.least_shown:.2g} % can be shown at 95 %"
            )
            if measured.name == rate and measured.least_shown > wanted:
                needed = int(np.ceil(np.log(1 - CONFIDENCE) / np.log(1 - wanted))) if wanted > 0 else None
                line += (
                    f"; {100 * wanted:g} % takes {needed} piece{'s' * (needed != 1)}, none of them wrong"
                    if needed
                    else "; 0 never can"
                )
            lines.append(line + ".")
        if chosen:
            lines.append(
                "The threshold was chosen on these images: "
                "check it on others with 'flawscope evaluate --threshold'."
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "source": self.seen.source,
            "data": self.seen.data,
            "images": len(self.seen.looks),
            "interrupted": self.seen.interrupted,
            "failures": self.seen.failures,
            "notes": self.seen.notes,
            "curve": {
                "threshold": GRID.tolist(),
                "escape": self.escape.to_json(),
                "overkill": self.overkill.to_json(),
            },
        }
