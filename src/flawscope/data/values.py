"""What the stored values of mask files mean, when nobody says it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flawscope.errors import DataError, ImageError
from flawscope.images import read_label_image

HIGHEST_CLASS_NUMBER = 32
"""Masks whose values are all at most this hold class numbers."""

_FIRST_LOOK = 48
_EDGE = 16
_LOSSY = (".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Values:
    """How to read mask files.

    Attributes:
        classes: number of defect classes.
        numbers: class number of each stored value; None for black-and-white masks.
        threshold: above it is defect, for black-and-white masks.
    """

    classes: int
    numbers: dict[int, int] | None
    threshold: int = 127


def guess_values(masks: Sequence[Path]) -> Values:
    """Decide by looking into the files.

    - Any JPEG, or only values near black (at most 16) and near white (at least 239): black and white, the
      defect above 127.
    - More than 32 different values: a smoothed black-and-white mask, the defect above 127.
    - Only values up to 32: class numbers as they stand, 0 background.
    - Anything else has no safe reading and is refused.

    First 48 masks spread over the dataset are read; all of them when those hold class numbers or are black.

    Raises:
        DataError: the values have no safe reading; the message lists them.
    """
    if not masks or any(mask.suffix.lower() in _LOSSY for mask in masks):
        return Values(1, None)
    step = max(1, len(masks) // _FIRST_LOOK)
    seen = _values(masks[::step])
    if max(seen) <= HIGHEST_CLASS_NUMBER and step > 1:
        seen = _values(masks)
    highest = max(seen)
    if highest == 0:
        return Values(1, None)
    if highest <= HIGHEST_CLASS_NUMBER:
        return Values(highest, {number: number for number in range(highest + 1)})
    if len(seen) > 32 or all(value <= _EDGE or value >= 255 - _EDGE for value in seen):
        return Values(1, None)
    raise DataError(
        f"mask values {sorted(seen)[:12]} could be classes or shades",
        where=masks[0].parent,
        remedy="Say what they mean with mask_values or threshold in a dataset.yaml (see docs/data.md)",
    )


def _values(masks: Sequence[Path]) -> set[int]:
    """All values in the files; those that cannot be read are passed over, to be met again when they are used."""
    seen: set[int] = {0}
    for mask in masks:
        with contextlib.suppress(ImageError):
            seen |= {int(value) for value in np.unique(read_label_image(mask))}
    return seen
