"""COCO run-length encoding: a mask as run lengths down its columns, background first.

The lengths are stored as a list (uncompressed) or as text (compressed: each length less the one two before
it, in groups of five bits, lowest first, each a character from ``chr(48)`` on). Format:
https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError
from flawscope.images import Mask
from flawscope.runs import Runs

_COLUMNS = 64
"""Columns of a region that are sorted at a time."""

_GROUP, _MORE, _NEGATIVE, _FIRST_CHARACTER = 0x1F, 0x20, 0x10, 48


def encode(mask: npt.NDArray[Any]) -> dict[str, Any]:
    """``{"size": [height, width], "counts": text}`` of a mask; non-zero is foreground."""
    height, width = mask.shape
    return {"size": [height, width], "counts": compress(run_lengths(mask))}


def encode_runs(runs: Runs, height: int, width: int) -> dict[str, Any]:
    """As :func:`encode`, of the pixels of a region; the work grows with its area, not with its box."""
    left, _, wide, _ = runs.box
    edges = [_runs_of(_places(runs, first, height)) for first in range(left, left + wide, _COLUMNS)]
    starts, ends = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    apart = starts[1:] != ends[:-1]  # a run may go on in the next column
    starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    return _with_background(starts, ends, height, width)


def _places(runs: Runs, first: int, height: int) -> npt.NDArray[np.int64]:
    """Pixels of some columns, counted down the columns of the image, in order."""
    starts = np.maximum(runs.starts, first).astype(np.int64)
    lengths = np.minimum(runs.ends, first + _COLUMNS) - starts
    inside = lengths > 0
    starts, lengths, rows = starts[inside], lengths[inside], runs.rows[inside]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = (np.repeat(starts, lengths) + within) * height + np.repeat(rows, lengths)
    return np.sort(places)


def _runs_of(places: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and after-last of each stretch of neighbours."""
    if not places.size:
        return places, places
    breaks = np.flatnonzero(np.diff(places) != 1)
    return places[np.append(0, breaks + 1)], places[np.append(breaks, places.size - 1)] + 1


def _with_background(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], height: int, width: int
) -> dict[str, Any]:
    edges = np.concatenate(([0], np.stack([starts, ends], axis=1).ravel(), [height * width]))
    lengths = np.diff(edges).tolist()
    return {"size": [height, width], "counts": compress(lengths if lengths[-1] else lengths[:-1])}


def decode(rle: Mapping[str, Any]) -> Mask:
    """The mask ``(height, width)`` of 0 and 1; raises DataError when the runs do not fill it exactly."""
    height, width, lengths = _parse(rle)
    values = np.arange(len(lengths), dtype=np.uint8) % 2
    return np.ascontiguousarray(np.repeat(values, lengths).reshape((height, width), order="F"))


def union(rles: Sequence[Mapping[str, Any]]) -> Mask:
    """All masks laid over each other, ``(height, width)`` of 0 and 1; at least one, and all of one size.

    The work grows with the number of runs and with one image, not with the number of masks times the image.
    """
    parsed = [_parse(rle) for rle in rles]
    height, width, _ = parsed[0]
    flat = np.zeros(height * width, dtype=np.uint8)
    for rows, columns, lengths in parsed:
        if (rows, columns) != (height, width):
            raise DataError("run-length masks of different sizes", where="segmentation")
        edges = np.cumsum(lengths).tolist()
        for start, end in zip(edges[::2], edges[1::2], strict=False):  # background at the end has no end
            flat[start:end] = 1
    return np.ascontiguousarray(flat.reshape((height, width), order="F"))


def _parse(rle: Mapping[str, Any]) -> tuple[int, int, list[int]]:
    """Height, width and run lengths that fill them."""
    try:
        height, width = (int(side) for side in rle["size"])
        counts = rle["counts"]
        if isinstance(counts, bytes):
            counts = counts.decode("ascii")
        lengths = decompress(counts) if isinstance(counts, str) else [int(length) for length in counts]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("not a COCO run-length mask", where="segmentation") from error
    if sum(lengths) != height * width or any(length < 0 for length in lengths):
        raise DataError(
            f"run lengths of {sum(lengths)} pixels for a mask of {width}x{height}", where="segmentation"
        )
    return height, width, lengths


def run_lengths(mask: npt.NDArray[Any]) -> list[int]:
    """Lengths of the runs down the columns; the first counts background and may be 0."""
    flat = np.asarray(mask != 0).ravel(order="F")
    if flat.size == 0:
        return [0]
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    lengths = np.diff(edges).tolist()
    return [0, *lengths] if flat[0] else lengths


def compress(lengths: Sequence[int]) -> str:
    """The text form of run lengths."""
    characters = []
    for index, length in enumerate(lengths):
        rest = length - lengths[index - 2] if index > 2 else length
        while True:
            group = rest & _GROUP
            rest >>= 5
            # Done when what is left is only the sign that the group's top bit already shows.
            more = rest != (-1 if group & _NEGATIVE else 0)
            characters.append(chr((group | _MORE if more else group) + _FIRST_CHARACTER))
            if not more:
                break
    return "".join(characters)


def decompress(text: str) -> list[int]:
    """Run lengths of the text form; raises ValueError when it ends inside a number."""
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - _FIRST_CHARACTER
        if not 0 <= group < 64:
            raise ValueError("a character that run lengths do not have")
        value |= (group & _GROUP) << shift
        shift += 5
        if group & _MORE:
            continue
        if group & _NEGATIVE:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("run lengths end inside a number")
    return lengths
