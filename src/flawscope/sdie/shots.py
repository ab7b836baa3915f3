"""Labelled images to learn from, each with the segmenter that is to see its defect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError
from flawscope.images import Image, check_image
from flawscope.segment.base import Segmenter


@dataclass(frozen=True, eq=False)
class Shot:
    """One labelled image.

    Each carries its own segmenter: one that is prompted from support images must be prompted for a shot from
    the *other* shots, or the reward would measure what it was told instead of what it sees.

    Attributes:
        image: any array that ``flawscope.images.check_image`` accepts, a grey plane among them; kept in the
            convention of that module.
        mask: ``(height, width)``; non-zero is defect, whatever its class. Kept as ``bool``.
        segmenter: sees the enhanced image.
        name: class of the defect; searches with ``scope="class"`` group by it.
        source: what to call the image in messages and logs.

    Raises:
        DataError: the mask has another size, or no defect at all.
        ImageError: the array is no image.
    """

    image: Image
    mask: npt.NDArray[np.bool_]
    segmenter: Segmenter
    name: str = "defect"
    source: str = field(default="shot")

    def __post_init__(self) -> None:
        image = check_image(self.image, where=self.source)
        mask = np.ascontiguousarray(np.asarray(self.mask) != 0)
        if mask.shape != image.shape[:2]:
            raise DataError(
                f"its mask is {'x'.join(map(str, mask.shape))} and its image "
                f"{'x'.join(map(str, image.shape[:2]))} pixels (height x width)",
                where=self.source,
                remedy="Give the mask of this image",
            )
        if not mask.any():
            raise DataError(
                "a support image without a defect",
                where=self.source,
                remedy="Learn from images whose masks mark a defect",
            )
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "mask", mask)


def symmetries(shot: Shot) -> tuple[Shot, ...]:
    """The eight flips and quarter turns of a shot, itself first: more episodes from one label."""
    turns = [(flip, quarters) for flip in (False, True) for quarters in range(4)]
    return (shot, *(Turned(shot, flip, quarters) for flip, quarters in turns[1:]))


class Turned(Shot):
    """A shot in another of its symmetries; image and mask are made when they are asked for, and not kept.

    Eight photographs of six megapixels would fill gigabytes in all their symmetries.

    Args:
        shot: as it came.
        flip: left and right change places, first.
        quarters: quarter turns against the clock.
    """

    _shot: Shot
    _flip: bool
    _quarters: int

    def __init__(self, shot: Shot, flip: bool, quarters: int) -> None:
        suffix = f"{'m' if flip else 'r'}{90 * quarters}"
        known = {"segmenter": shot.segmenter, "name": shot.name, "source": f"{shot.source}#{suffix}"}
        self.__dict__.update(known, _shot=shot, _flip=flip, _quarters=quarters)

    @property
    def image(self) -> Image:
        """``(height, width, 3)``, contiguous."""
        return self._turn(self._shot.image)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """``(height, width)``, contiguous."""
        return self._turn(self._shot.mask)

    def _turn(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(np.rot90(array[:, ::-1] if self._flip else array, self._quarters))


def check_shots(shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """The shots as a tuple; raises DataError when there are none."""
    if not shots:
        raise DataError("no labelled images to learn from", remedy="Give at least one support image")
    return tuple(shots)
