"""How often segmenters are asked."""

from __future__ import annotations

from dataclasses import dataclass

from flawscope.images import Image
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.wrapper import Wrapper


@dataclass
class Tally:
    """Segmenter calls of a row so far."""

    calls: int = 0


@dataclass
class Counted(Wrapper):
    """A segmenter that counts what it is asked; a :class:`flawscope.segment.Segmenter`."""

    segmenter: Segmenter
    tally: Tally

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """What the segmenter answers."""
        self.tally.calls += 1
        return self.segmenter.segment(image, prompts)
