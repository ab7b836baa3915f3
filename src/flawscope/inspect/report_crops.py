"""Pictures of a strip for the gallery: its worst defects, cut out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.inspect.report_pictures import jpeg_uri, png_uri, shrunk_size
from flawscope.inspect.report_verdicts import OUTCOMES, spoken_of
from flawscope.inspect.strip_again import RowsAgain
from flawscope.inspect.strip_source import open_strip
from flawscope.inspect.tables import Record
from flawscope.results import PALETTE

CROPS = 60
_MARGIN, _MOST_ROWS = 24, 4096


def crop_cards(
    number: int, record: Record, name: str, labels: Sequence[str], *, page: int | None, white: int | None
) -> list[dict[str, Any]]:
    """Cards of the worst defects; of one longer than 4,096 rows its beginning. The layer shows their boxes.

    The strip is opened with what its record says (``read_with``), else with ``page`` and ``white``.

    Raises:
        FlawscopeError: the strip cannot be read again.
    """
    told = {"page": page, "white": white, **(record.get("read_with") or {})}
    strip = RowsAgain(open_strip(record["source"], **told))
    worst = sorted(
        zip(record["defects"], spoken_of(record), strict=True),
        key=lambda pair: (
            0 if pair[1].outcome is None else OUTCOMES.index(pair[1].outcome),
            -pair[0]["area_px"],
        ),
    )[:CROPS]
    cards = []
    for place, (defect, spoken) in enumerate(worst, start=1):
        x, y, width, height = defect["box"]
        margin = max(_MARGIN, max(width, min(height, _MOST_ROWS)) // 4)
        left, top = max(0, x - margin), max(0, y - margin)
        bottom = min(record["height"], y + height + margin, top + _MOST_ROWS)
        crop = strip[top:bottom, left : min(record["width"], x + width + margin)]
        size, scale = shrunk_size(crop.shape)
        box = np.array([x - left, y - top, x - left + width, min(y + height, bottom) - top]) * scale
        cards.append(
            {
                "number": f"{number}-{place}",
                "name": f"{defect['label']} at column {x:,}, row {y:,}",
                "defects": 1,
                "outcome": spoken.outcome,
                "reason": "; ".join(spoken.rules),
                "caption": f"{name}, {width:,} x {height:,} px",
                "image": jpeg_uri(crop, size),
                "paint": png_uri(_frame(size, box, labels.index(defect["label"]))),
            }
        )
    return cards


def _frame(size: tuple[int, int], box: npt.NDArray[np.float64], number: int) -> npt.NDArray[np.uint8]:
    canvas = np.zeros((size[1], size[0], 4), dtype=np.uint8)
    left, top, right, bottom = (int(edge) for edge in np.rint(box))
    colour = (*PALETTE[number % len(PALETTE)][::-1], 255)
    cv2.rectangle(canvas, (left - 3, top - 3), (right + 2, bottom + 2), colour, 2)
    return canvas
