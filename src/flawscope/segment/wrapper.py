"""Segmenters around another one."""

from __future__ import annotations

from flawscope.segment.base import Segmenter


class Wrapper:
    """The base of a segmenter around another, which keeps its name, classes and threshold."""

    segmenter: Segmenter

    @property
    def name(self) -> str:
        """The segmenter's."""
        return self.segmenter.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The segmenter's."""
        return self.segmenter.labels

    @property
    def threshold(self) -> float:
        """The segmenter's."""
        return self.segmenter.threshold
