"""Pictures of a strip for the gallery: its worst defects, cut out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.inspect.digits import short
from flawscope.inspect.report_map import METRES_FROM_MM
from flawscope.inspect.report_pictures import jpeg_uri, png_uri, shrunk_size
from flawscope.inspect.report_verdicts import spoken_of, worst_first
from flawscope.inspect.strip_again import RowsAgain
from flawscope.inspect.strip_source import open_strip
from flawscope.inspect.tables import Record
from flawscope.results import PALETTE

CROPS = 60
_MARGIN, _MOST_ROWS = 24, 4096


def crop_cards(
    number: int,
    record: Record,
    name: str,
    labels: Sequence[str],
    size_name: str,
    *,
    page: int | None,
    white: int | None,
) -> list[dict[str, Any]]:
    """Cards of the worst defects; of one longer than 4,096 rows its beginning. The layer shows their boxes.

    With a calibration they are told in millimetres, and places on a long strip in metres.

    Args:
        number: of the record on the page.
        record: of the strip, which is opened with what it says (``read_with``), else with ``page`` and ``white``.
        name: what to call the strip.
        labels: all classes, in the order of their colours.
        size_name: what orders defects of the same outcome, as in the table.
        page: of multi-page files.
        white: stored value that means white.

    Raises:
        FlawscopeError: the strip cannot be read again.
    """
    told = {"page": page, "white": white, **(record.get("read_with") or {})}
    strip = RowsAgain(open_strip(record["source"], **told))
    worst = sorted(
        zip(record["defects"], spoken_of(record), strict=True),
        key=lambda pair: worst_first(pair[0], pair[1], size_name),
    )[:CROPS]
    cards = []
    for place, (defect, spoken) in enumerate(worst, start=1):
        x, y, width, height = defect["box"]
        where, extent = _told(record, defect["box"])
        margin = max(_MARGIN, max(width, min(height, _MOST_ROWS)) // 4)
        left, top = max(0, x - margin), max(0, y - margin)
        bottom = min(record["height"], y + height + margin, top + _MOST_ROWS)
        crop = strip[top:bottom, left : min(record["width"], x + width + margin)]
        size, scale = shrunk_size(crop.shape)
        box = np.array([x - left, y - top, x - left + width, min(y + height, bottom) - top]) * scale
        cards.append(
            {
                "number": f"{number}-{place}",
                "name": f"{defect['label']} at {where}",
                "defects": 1,
                "outcome": spoken.outcome,
                "reason": "; ".join(spoken.rules),
                "caption": f"{name}, {extent}",
                "image": jpeg_uri(crop, size),
                "paint": png_uri(_frame(size, box, labels.index(defect["label"]))),
            }
        )
    return cards


def _told(record: Record, box: Sequence[int]) -> tuple[str, str]:
    """Where a defect begins and how large its box is, in words."""
    x, y, width, height = box
    pixels, place = f"{width:,} x {height:,} px", f"column {x:,}, row {y:,}"
    scale = record.get("calibration")
    if scale is None:
        return place, pixels
    mm_x, mm_y = scale["mm_per_px_x"], scale["mm_per_px_y"]
    long = record["height"] * mm_y >= METRES_FROM_MM
    along = f"{y * mm_y / 1000:,.2f} m" if long else f"{short(y * mm_y)} mm"
    return (
        f"{along}, {short(x * mm_x)} mm across",
        f"{short(width * mm_x)} x {short(height * mm_y)} mm ({pixels} at {place})",
    )


def _frame(size: tuple[int, int], box: npt.NDArray[np.float64], number: int) -> npt.NDArray[np.uint8]:
    canvas = np.zeros((size[1], size[0], 4), dtype=np.uint8)
    left, top, right, bottom = (int(edge) for edge in np.rint(box))
    colour = (*PALETTE[number % len(PALETTE)][::-1], 255)
    cv2.rectangle(canvas, (left - 3, top - 3), (right + 2, bottom + 2), colour, 2)
    return canvas
