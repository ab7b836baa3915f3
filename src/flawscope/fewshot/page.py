"""One page of a study: its tables, what enhancement did to images (the paper's Fig. 7), and return curves."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope.errors import DataError, UsageError
from flawscope.fewshot.answers import ONLY
from flawscope.fewshot.curves import draw_curves, read_curve
from flawscope.fewshot.naming import method_names
from flawscope.fewshot.scores import FIGURES
from flawscope.fewshot.settings import METHODS
from flawscope.fewshot.store import FinishedRow, RunFolder
from flawscope.fewshot.table import headline, label
from flawscope.metrics import masks_iou
from flawscope.outputs import write_text

SHOWN_FIRST = ("td3", "cma", "search", "best-single", "best-of-30", "finetune", "prototype")
"""Whose pictures are shown, the first that was run."""


def write_page(
    path: str | Path,
    folder: RunFolder,
    rows: Sequence[FinishedRow],
    report: Mapping[str, Any],
    method: str | None = None,
) -> Path:
    """Write the page of a study's finished rows; it needs nothing but the run folder.

    Args:
        path: the HTML file.
        folder: of the study.
        rows: ``folder.finished()``, or those of some classes.
        report: their ``table``; its choice of round is shown.
        method: whose pictures are shown; by default the first of ``SHOWN_FIRST`` that was run.

    Raises:
        DataError: no study, or no finished row.
        UsageError: the method was not run.
        OutputError: the page cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    settings = folder.settings()
    if not rows:
        raise DataError("no row is finished yet", where=folder.path, remedy="Run the study first")
    heads = {line["label"] for line in report["lines"] if line["stands_for_method"]}
    classes = list(dict.fromkeys(name for line in report["lines"] for name in line["classes"]))
    environment = Environment(
        loader=PackageLoader("flawscope.fewshot"), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("study.html.j2").render(
        title=f"Few-shot study, {settings['shots']} shot{'s' if settings['shots'] > 1 else ''}",
        subtitle=f"{rows[0].facts['segmenter']}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        figures=FIGURES,
        lines=report["lines"],
        classes=classes,
        differences=[one for one in report["differences"] if one["line"] in heads and one["line"] != "raw"],
        gaps=[one for one in report["gap_closed"] if one["line"] in heads],
        notes=report["notes"],
        gallery=_gallery(folder, rows, report["choice"], method),
        curves=_curves(folder, rows),
        facts=[
            *((name.replace("_", " "), _plain(value)) for name, value in settings.items()),
            ("manifests", ", ".join(sorted({row.facts["manifest"] for row in rows}))),
            ("masks", report["empty_masks"]),
            *(("machine", _plain(one)) for one in report["machines"]),
        ],
    )
    return write_text(path, text)


def _gallery(
    folder: RunFolder, rows: Sequence[FinishedRow], choice: str, method: str | None
) -> dict[str, Any] | None:
    """Pictures of the first manifest and seed, class by class."""
    names = method_names(rows)
    ran = set(names)
    wanted = method or next((one for one in SHOWN_FIRST if one in ran), None)
    if wanted is None:
        return None
    if wanted not in ran:
        raise UsageError(
            f"'{wanted}' was not run", where="--method", remedy=f"There are: {', '.join(sorted(ran))}"
        )
    row = rows[names.index(wanted)]
    line = headline(list(row.facts["lines"]), choice)
    kept = folder.pictures(row.facts["name"])
    plain: dict[str, npt.NDArray[Any]] = {}
    for other in rows:
        if other.facts["method"] == "raw" and other.facts["manifest"] == row.facts["manifest"]:
            plain = folder.pictures(other.facts["name"])
    sections: dict[str, list[list[dict[str, str]]]] = {
        name: [] for name in row.facts["lines"][line]["classes"]
    }
    for key in kept:
        place, _, part = key.rpartition("/")
        name = place.rpartition("/")[0]
        if part == "truth" and name in sections:
            sections[name].append(_strip(place, line, kept, plain))
    return {
        "title": label(wanted, line),
        "about": METHODS.get(wanted, wanted),
        "row": row.facts["name"],
        "sections": sections,
    }


def _strip(
    place: str, line: str, kept: dict[str, npt.NDArray[Any]], plain: dict[str, npt.NDArray[Any]]
) -> list[dict[str, str]]:
    """Original, enhanced, raw mask, mask, truth; those that there are."""
    truth = kept[f"{place}/truth"]
    strip = [{"name": "original", "image": _jpeg(kept[f"{place}/image"])}]
    enhanced = kept.get(f"{place}/{line}.image")
    if enhanced is not None:
        strip.append({"name": "enhanced", "image": _jpeg(enhanced)})
    before = plain.get(f"{place}/{ONLY}.mask")
    if before is not None:
        strip.append({"name": f"raw mask, IoU {masks_iou(before, truth):.2f}", "image": _png(before)})
    mask = kept[f"{place}/{line}.mask"]
    name = "mask" if enhanced is None else "enhanced mask"
    strip.append({"name": f"{name}, IoU {masks_iou(mask, truth):.2f}", "image": _png(mask)})
    strip.append({"name": "truth", "image": _png(truth)})
    return strip


def _curves(folder: RunFolder, rows: Sequence[FinishedRow]) -> list[str]:
    """A diagram for each manifest, as data URIs."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for row in rows:
        if row.facts["method"] != "td3":
            continue
        for file in sorted((folder.path / "agents" / row.facts["name"]).rglob("episodes.csv")):
            name = "" if file.parent.name == row.facts["name"] else f"{file.parent.name}, "
            found.setdefault(row.facts["manifest"], []).append(
                (f"{name}seed {row.facts['seed']}", read_curve(file))
            )
    return [
        "data:image/svg+xml;base64," + base64.b64encode(draw_curves(name, curves).encode()).decode("ascii")
        for name, curves in found.items()
    ]


def _jpeg(picture: npt.NDArray[np.uint8]) -> str:
    return _uri(picture, ".jpg", "image/jpeg", [cv2.IMWRITE_JPEG_QUALITY, 90])


def _png(mask: npt.NDArray[np.bool_]) -> str:
    return _uri(mask.astype(np.uint8) * np.uint8(255), ".png", "image/png", [])


def _uri(picture: npt.NDArray[np.uint8], suffix: str, kind: str, options: list[int]) -> str:
    done, encoded = cv2.imencode(suffix, picture, options)
    assert done, f"OpenCV cannot encode {suffix}"
    return f"data:{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def _plain(value: object) -> str:
    """A setting without the punctuation of code."""
    if value is None:
        return "as the preset"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "all"
    return str(value)
