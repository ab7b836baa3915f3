"""The verb ``fewshot learn``."""

from __future__ import annotations


def learn() -> None:
    """Placeholder."""
