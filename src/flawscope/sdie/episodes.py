"""The log of a training: one row an episode, and how far it has come."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.outputs import write_text

EPISODES = "episodes.csv"
COLUMNS = ("episode", "step", "shot", "class", "return", "index_first", "index_last", "index_best")
"""``return`` is the undiscounted sum of rewards; the three indices are those of round 0, of round T, and the
best of all rounds, against the true mask."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come.

    Attributes:
        step, steps: environment steps done, and planned.
        episodes: finished.
        mean_return: of the last 50 episodes.
        seconds: of training so far, earlier sittings included.
    """

    step: int
    steps: int
    episodes: int
    mean_return: float
    seconds: float


Report = Callable[[Progress], None]


def mean_return(rows: Sequence[Row], last: int = 50) -> float:
    """Mean return of the last episodes; 0 before the first."""
    recent = [float(row["return"]) for row in rows[-last:]]
    return sum(recent) / len(recent) if recent else 0.0


def write_episodes(folder: Path, rows: Sequence[Row]) -> None:
    """The return curve, ``episodes.csv``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / EPISODES, text.getvalue())
