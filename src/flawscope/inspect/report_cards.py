"""The gallery: small pictures with their defects as a layer that can be switched off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.data import rle
from flawscope.errors import FlawscopeError
from flawscope.images import Image, Mask
from flawscope.inspect.counted import is_strip, noun_of
from flawscope.inspect.report_crops import CROPS, crop_cards
from flawscope.inspect.report_pictures import jpeg_uri, png_uri, shrunk_size
from flawscope.inspect.report_units import Units
from flawscope.inspect.report_verdicts import outcome_of, severity
from flawscope.inspect.sources import read_source
from flawscope.inspect.tables import Record
from flawscope.results import PALETTE

GALLERY_LIMIT = 200
_MOST_PIXELS = 2**26
"""Of an image that is read whole for the gallery."""

_FILL_ALPHA = 110


@dataclass(frozen=True, slots=True)
class Gallery:
    """The worst images.

    Attributes:
        cards: worst first.
        note: what is left out and why, or nothing.
    """

    cards: list[dict[str, Any]]
    note: str


def gallery(
    records: Sequence[Record],
    names: Sequence[str],
    labels: Sequence[str],
    units: Units,
    *,
    page: int | None,
    white: int | None,
    limit: int = GALLERY_LIMIT,
) -> Gallery:
    """Read the pixels of the worst images again and make their cards; of strips, cards of the worst defects."""
    worst_first = sorted(range(len(records)), key=lambda index: severity(records[index], units.size))
    cards: list[dict[str, Any]] = []
    unread, shown = [], 0
    for index in worst_first[:limit]:
        record, name = records[index], names[index]
        try:
            if _in_crops(record):
                cards += crop_cards(index + 1, record, name, labels, units.size, page=page, white=white)
            else:
                image = read_source(record["source"], page=page, white=white)
                cards.append(_card(index + 1, record, name, image, labels))
            shown += 1
        except FlawscopeError as error:
            unread.append(str(error))
    notes = []
    if shown + len(unread) < len(records):
        notes.append(f"{shown:,} of {len(records):,} {noun_of(records)}s are shown, the worst.")
    if any(_in_crops(record) and len(record["defects"]) > CROPS for record in records):
        notes.append(f"Of each strip or very large image the {CROPS} worst defects are shown.")
    if unread:
        notes.append(f"{len(unread):,} could not be read again for this page, the first: {unread[0]}")
    return Gallery(cards, " ".join(notes))


def _in_crops(record: Record) -> bool:
    return is_strip(record) or record["width"] * record["height"] > _MOST_PIXELS


def percent(share: float) -> str:
    """A share of 0 to 1 as a percentage."""
    return f"{share * 100:.2f}\N{NO-BREAK SPACE}%"


def _card(number: int, record: Record, name: str, image: Image, labels: Sequence[str]) -> dict[str, Any]:
    height, width = image.shape[:2]
    size, _ = shrunk_size(image.shape)
    count = len(record["defects"])
    defects = "clean" if count == 0 else f"{count} defect{'s' if count > 1 else ''}"
    return {
        "number": number,
        "name": name,
        "defects": count,
        "outcome": outcome_of(record),
        "reason": (record.get("verdict") or {}).get("reason", ""),
        "caption": f"{width} x {height} px, {defects}"
        + (f", {percent(record['defect_fraction'])} of the area" if count else ""),
        "image": jpeg_uri(image, size),
        "paint": png_uri(_paint(record, labels, size)) if count else "",
    }


def _paint(record: Record, labels: Sequence[str], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Defects as a transparent ``(h, w, 4)`` picture in OpenCV's channel order; thin ones stay visible."""
    canvas = np.zeros((size[1], size[0], 4), dtype=np.uint8)
    for number, label in enumerate(labels):
        parts = [defect["segmentation"] for defect in record["defects"] if defect["label"] == label]
        if not parts:
            continue
        whole: Mask = rle.union(parts)
        region = (cv2.resize(whole * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
        colour = PALETTE[number % len(PALETTE)][::-1]
        canvas[region > 0] = (*colour, _FILL_ALPHA)
        borders, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, borders, -1, (*colour, 255), 1)
    return canvas
