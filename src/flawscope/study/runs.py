"""One run of a study: a row with a seed."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A row of a study, with a seed.

    Attributes:
        study: name of the study.
        row: name of the row.
        seed: everything random follows from it.
    """

    study: str
    row: str
    seed: int

    @property
    def name(self) -> str:
        """For files and folders."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.row.lower().replace("+", "-plus")).strip("-")
        return f"{plain}-seed{self.seed}"
