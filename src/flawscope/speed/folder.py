"""How much of the network's own rate is left when a whole folder is inspected."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.errors import UsageError
from flawscope.inspect import Settings, Wanted, find_sources, inspect_all, items, open_results
from flawscope.segment.loading import LoadedSegmenter


@dataclass(frozen=True, slots=True)
class FolderRate:
    """What inspecting a folder came to.

    Attributes:
        images: how many were inspected.
        seconds: for all, from the first file to the last table.
    """

    images: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Images a second."""
        return self.images / self.seconds

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "images": self.images,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.per_second, 2),
        }


def folder_rate(segmenter: LoadedSegmenter, sources: list[str]) -> FolderRate:
    """Inspect images as ``predict --no-overlays`` does, masks and tables written, into a folder that is removed.

    Args:
        segmenter: from ``flawscope.segment.load``.
        sources: files, folders or patterns.

    Raises:
        UsageError: no image among them can be inspected.
        OutputError: the disk is full.
    """
    found = find_sources(sources)
    with tempfile.TemporaryDirectory() as scratch:
        folder = open_results(Path(scratch) / "results", Wanted(masks=True, overlays=False))
        started = time.perf_counter()
        outcome = inspect_all(segmenter, items(found.files), folder, Settings())
        seconds = time.perf_counter() - started
    if not outcome.written:
        raise UsageError("no image that can be inspected", where=", ".join(sources))
    return FolderRate(len(outcome.written), seconds)
