"""Test-time augmentation: the mean answer over the symmetries of the square."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flawscope.errors import UsageError
from flawscope.images import Image, Probability
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.description import Description, describe
from flawscope.segment.wrapper import Wrapper


class Symmetries(Wrapper):
    """A segmenter asked about an image and its turned and mirrored copies; the answers, turned back, are averaged.

    It costs as many looks as there are copies. Surfaces that have an up and a down should not be turned: 2 mirrors
    left and right only.

    Args:
        segmenter: without prompts.
        copies: 2 (mirrored), 4 (quarter turns) or 8 (both).

    Raises:
        UsageError: another number.
    """

    def __init__(self, segmenter: Segmenter, copies: int = 8) -> None:
        self.segmenter = segmenter
        if copies not in _COPIES:
            raise UsageError(f"{copies} symmetries cannot be averaged", remedy="Use 2, 4 or 8")
        self.copies = copies

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """The mean of the answers, ``(K, height, width)``; raises UsageError when prompts are given."""
        if prompts is not None:
            raise UsageError("symmetries are averaged without prompts", remedy="Leave the prompts out")
        total: Probability | None = None
        for turns, mirrored in _COPIES[self.copies]:
            turned = np.rot90(image, turns, axes=(0, 1))
            seen = np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
            answer = self.segmenter.segment(seen).probability
            back = np.rot90(answer[..., ::-1] if mirrored else answer, -turns, axes=(1, 2))
            total = back.astype(np.float32) if total is None else total + back
        assert total is not None
        return Segmentation(np.ascontiguousarray(total / np.float32(self.copies)))

    def describe(self) -> Description:
        """The segmenter's, and how many copies are averaged."""
        about = describe(self.segmenter)
        return replace(about, method=f"{about.method}, mean over {self.copies} symmetries")


_COPIES: dict[int, tuple[tuple[int, bool], ...]] = {
    2: ((0, False), (0, True)),
    4: tuple((turns, False) for turns in range(4)),
    8: tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4)),
}
"""Quarter turns, and whether mirrored after them."""
