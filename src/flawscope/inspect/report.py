"""One HTML page that a person can open, send and print: images inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flawscope.inspect import report_histogram
from flawscope.inspect.counted import is_strip, length_m, noun_of
from flawscope.inspect.reduction import Reductions
from flawscope.inspect.report_cards import gallery
from flawscope.inspect.report_facts import calibration_words, facts_of
from flawscope.inspect.report_histogram import histograms
from flawscope.inspect.report_map import lay_out_apart
from flawscope.inspect.report_notices import notices
from flawscope.inspect.report_table import DEFECT_LIMIT, css_colour, defect_table
from flawscope.inspect.report_units import Units, units_of
from flawscope.inspect.report_verdicts import OUTCOMES, outcome_of, rule_counts, rule_files
from flawscope.inspect.tables import Record
from flawscope.outputs import write_text
from flawscope.segment.description import Description

PRINTED_ROWS, PRINTED_CARDS = 1000, 60


def write_report(
    path: str | Path,
    records: Sequence[Record],
    about: Description | None,
    *,
    weights: str,
    settings: Mapping[str, Any],
    failures: Sequence[str] = (),
    title: str = "Surface inspection",
    page: int | None = None,
    white: int | None = None,
) -> Path:
    """Write the report of a batch.

    The gallery shows at most 200 images and the table 50,000 defects, the worst first: rejected before reviewed
    before accepted, then the largest. The page says so when it leaves some out. Pixels are read again from the
    sources. Sizes are in millimetres where every defect has them.

    Args:
        path: the HTML file.
        records: lines of ``results.jsonl``; ``verdict``, ``calibration`` and the measures of defects are shown
            where they are there.
        about: what the segmenter says of itself, where it is known.
        weights: what to call it.
        settings: how the images were judged, for the record.
        failures: one line for each image or strip that could not be inspected. Strips that were inspected in part
            are among the records, and say so under ``in_part``.
        title: of the page.
        page: as the images were read.
        white: as the images were read.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    labels = list(dict.fromkeys(label for record in records for label in record["labels"]))
    labels = labels or list(about.labels if about is not None else ())
    units, root = units_of(records), _common_folder([record["source"] for record in records])
    names = [record["source"].removeprefix(root) for record in records]
    shown = gallery(records, names, labels, units, page=page, white=white)
    place = lay_out_apart(records, units, names, noun_of(records))
    table = defect_table(
        records,
        units,
        place,
        names=names,
        labels=labels,
        cards={card["number"] for card in shown.cards if isinstance(card["number"], int)},
    )
    environment = Environment(
        loader=PackageLoader("flawscope.inspect"), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("report.html.j2").render(
        title=title,
        subtitle=f"{weights}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        noun=noun_of(records),
        tiles=_tiles(records, len(failures)),
        judged=any(outcome_of(record) for record in records),
        rules=rule_counts(records),
        summary_facts=[
            *_summary_facts(units, noun_of(records)),
            *(f"{line}." for line in Reductions.of(records).lines(also_allowed=True)),
        ],
        failures=list(failures),
        notices=notices(records, len(failures)),
        legend=[{"label": label, "colour": css_colour(number)} for number, label in enumerate(labels)],
        gallery=shown,
        printed_cards=PRINTED_CARDS,
        printed_rows=PRINTED_ROWS,
        place=place,
        histograms=histograms(records, units),
        field=(report_histogram.WIDTH, report_histogram.HEIGHT),
        table=table,
        table_note=f"The page has the {DEFECT_LIMIT:,} worst of {table.total:,} defects."
        if table.total > table.shown
        else "",
        facts=[
            *([("Folder", root)] if root else []),
            *facts_of(about, weights, {**settings, "page": page, "white": white}, records, units, labels),
        ],
        rule_files=[entry for entry in rule_files(records) if entry[2] is not None],
    )
    return write_text(path, text)


def _tiles(records: Sequence[Record], failed: int) -> list[dict[str, Any]]:
    images = [record for record in records if not is_strip(record)]
    strips = [record for record in records if is_strip(record)]
    defects = sum(len(record["defects"]) for record in records)
    tiles = [_tile("image", len(images))] if images or not strips else []
    if strips:
        tiles += [_tile("strip", len(strips)), _tile("row", sum(record["height"] for record in strips))]
        metres = length_m(strips)
        if metres is not None:
            tiles.append({"name": "inspected", "value": f"{metres:,.1f} m", "kind": ""})
    outcomes = [outcome for record in records if (outcome := outcome_of(record)) is not None]
    if outcomes:
        tiles += [
            {"name": name, "value": f"{outcomes.count(name):,}", "kind": name if name in outcomes else ""}
            for name in OUTCOMES
        ]
        if len(outcomes) < len(records):
            tiles.append({"name": "not judged", "value": f"{len(records) - len(outcomes):,}", "kind": ""})
    if images:
        defective = sum(bool(record["defects"]) for record in images)
        tiles += [
            {"name": "with defects", "value": f"{defective:,}", "kind": ""},
            {"name": "clean", "value": f"{len(images) - defective:,}", "kind": ""},
        ]
    tiles.append(_tile("defect", defects))
    times = [record["seconds"] for record in images if record.get("seconds") is not None]
    if times:
        seconds = float(np.median(times))
        tiles.append({"name": "an image, median", "value": f"{seconds * 1000:,.0f} ms", "kind": ""})
    in_part = sum("in_part" in record for record in records)
    if in_part:
        tiles.append({"name": "inspected in part", "value": f"{in_part:,}", "kind": "reject"})
    if failed:
        tiles.append({"name": "not inspected", "value": f"{failed:,}", "kind": "reject"})
    return tiles


def _tile(noun: str, count: int) -> dict[str, Any]:
    return {"name": noun if count == 1 else f"{noun}s", "value": f"{count:,}", "kind": ""}


def _summary_facts(units: Units, noun: str) -> list[str]:
    if not units.calibrations:
        return ["Sizes are in pixels: no calibration was given."] if units.measured else []
    lines = [f"Calibration {calibration_words(*entry)}." for entry in units.calibrations]
    if units.measured and not units.mm:
        lines.append(f"Not every {noun} has a calibration, so sizes are in pixels.")
    return lines


def _common_folder(sources: Sequence[str]) -> str:
    """The beginning that all sources share, to be left out where they are listed; ends with a slash."""
    parents = [PurePosixPath(source).parent.parts for source in sources]
    shared: list[str] = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return PurePosixPath(*shared).as_posix().rstrip("/") + "/" if shared else ""
