"""Options that are lists, typed with commas."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """The parts between commas, without the empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]
