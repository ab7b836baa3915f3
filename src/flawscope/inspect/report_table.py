"""The defects as the page's script takes them: columns, and one row a defect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from flawscope.inspect.counted import noun_of
from flawscope.inspect.report_map import DefectMap, DefectMaps
from flawscope.inspect.report_units import Units
from flawscope.inspect.report_verdicts import OUTCOMES, Spoken, spoken_of, worst_first
from flawscope.inspect.rule_conflicts import DEFAULT
from flawscope.inspect.tables import Record
from flawscope.outputs import dumps
from flawscope.results import PALETTE

DEFECT_LIMIT = 50_000

Entry = tuple[int, Record, Any, Spoken]
"""Number of the image from 1, its record, one of its defects, and what was said of it."""


@dataclass(frozen=True, slots=True)
class DefectTable:
    """What the page embeds.

    Attributes:
        columns: ``name``, ``kind`` (text, verdict or number) and ``digits``.
        data: columns, rows and what they refer to, as JSON safe inside a ``script`` element.
        size: the column that the smallest size refers to.
        shown: rows on the page.
        total: defects in all.
    """

    columns: list[dict[str, Any]]
    data: Markup
    size: int
    shown: int
    total: int


def defect_table(
    records: Sequence[Record],
    units: Units,
    place: DefectMap | DefectMaps | None,
    *,
    names: Sequence[str],
    labels: Sequence[str],
    cards: set[int],
    limit: int = DEFECT_LIMIT,
) -> DefectTable:
    """The table of the defects, worst first, then largest.

    Args:
        records: lines of ``results.jsonl``.
        units: what they have in common.
        place: where defects lie on the map.
        names: what to call each image.
        labels: all classes, in the order of their colours.
        cards: numbers of the images in the gallery.
        limit: of rows.
    """
    judged = any(record.get("verdict") is not None for record in records)
    entries: list[Entry] = [
        (number, record, defect, spoken)
        for number, record in enumerate(records, start=1)
        for defect, spoken in zip(record["defects"], spoken_of(record), strict=True)
    ]
    entries.sort(key=lambda entry: worst_first(entry[2], entry[3], units.size))
    total, entries = len(entries), entries[:limit]
    columns = _columns(units, judged, noun_of(records).capitalize())
    data = {
        "columns": columns,
        "labels": list(labels),
        "colours": [css_colour(number) for number in range(len(labels))],
        "outcomes": OUTCOMES,
        "names": names,
        "cards": sorted(cards),
        "rows": [_row(entry, units, judged) for entry in entries],
        "places": None if place is None else [place.place_of(entry[0], entry[2]["box"]) for entry in entries],
        "images": [entry[0] for entry in entries],
    }
    position = 2 if not judged else 4
    return DefectTable(columns, embedded(data), position + 1, len(entries), total)


def css_colour(number: int) -> str:
    """The colour of a class, counted from 0."""
    red, green, blue = PALETTE[number % len(PALETTE)]
    return f"#{red:02x}{green:02x}{blue:02x}"


def embedded(payload: Any) -> Markup:
    """JSON that cannot end the ``script`` element it stands in."""
    return Markup(dumps(payload, indent=None).replace("&", r"\u0026").replace("<", r"\u003c"))


def _columns(units: Units, judged: bool, source: str) -> list[dict[str, Any]]:
    verdict = [_text("Verdict", "verdict"), _text("Rules")] if judged else []
    sizes = (
        [
            _number(f"Length ({units.length[1]})", 2 if units.mm else 1),
            _number(f"Width ({units.width[1]})", 2 if units.mm else 1),
            _number(f"Area ({units.area[1]})", 3 if units.mm else 0),
            _number("Angle (°)", 0),
            _number("Contrast", 2),
        ]
        if units.measured
        else [_number("Area (px)", 0), _number("Share (%)", 2)]
    )
    boxes = [_number(name, 0) for name in ("x", "y", "Width", "Height")]
    if units.measured:
        unit, digits = ("px", 0) if units.scale is None else ("mm", 1)
        boxes = [_number(f"{name} ({unit})", digits) for name in ("x", "y")]
    return [_text(source), _text("Class"), *verdict, _number("Score", 2), *sizes, *boxes]


def _row(entry: Entry, units: Units, judged: bool) -> list[Any]:
    number, record, defect, spoken = entry
    left, top, width, height = defect["box"]
    rules = ("(none)" if rule == DEFAULT else rule for rule in spoken.rules)
    verdict = [spoken.outcome, "; ".join(rules)] if judged else []
    if not units.measured:
        share = round(defect["area_px"] / (record["width"] * record["height"]) * 100, 4)
        sizes, place = [defect["area_px"], share], [left, top, width, height]
    else:
        asked = (units.length[0], units.width[0], units.area[0], "orientation_deg", "contrast")
        sizes = [_rounded(defect.get(name)) for name in asked]
        x, y = defect["centroid"]
        scale = units.scale or (1.0, 1.0)
        place = [round(x * scale[0], 2), round(y * scale[1], 2)]
    return [number, defect["label"], *verdict, _rounded(defect["score"]), *sizes, *place]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _text(name: str, kind: str = "text") -> dict[str, Any]:
    return {"name": name, "kind": kind, "digits": 0}


def _number(name: str, digits: int) -> dict[str, Any]:
    return {"name": name, "kind": "number", "digits": digits}
