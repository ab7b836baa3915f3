"""One HTML page that a person can open, send and print: images inside, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from flawscope import __version__
from flawscope.data import rle
from flawscope.errors import FlawscopeError
from flawscope.images import Image, Mask, to_uint8
from flawscope.inspect.sources import read_source
from flawscope.inspect.tables import Record
from flawscope.outputs import write_text
from flawscope.results import PALETTE
from flawscope.segment.description import Description

GALLERY_LIMIT, TABLE_LIMIT = 200, 5000
THUMBNAIL_SIDE = 640

_COLUMNS = (
    ("Image", False),
    ("Class", False),
    ("Score", True),
    ("Area (px)", True),
    ("Share", True),
    ("x", True),
    ("y", True),
    ("Width", True),
    ("Height", True),
)
_SORTED_BY = 3
_FILL_ALPHA = 110


def write_report(
    path: str | Path,
    records: Sequence[Record],
    about: Description,
    *,
    weights: str,
    settings: Mapping[str, Any],
    failures: Sequence[str] = (),
    title: str = "Surface inspection",
    page: int | None = None,
    white: int | None = None,
) -> Path:
    """Write the report of a batch.

    The gallery shows at most 200 images, those with most defect area first, and the table 5,000 defects; the
    page says so when it leaves some out. Pixels are read again from the sources.

    Args:
        path: the HTML file.
        records: lines of ``results.jsonl``.
        about: what the segmenter says of itself.
        weights: what to call it.
        settings: how the images were judged, for the record.
        failures: one line for each image that could not be inspected.
        title: of the page.
        page: as the images were read.
        white: as the images were read.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    labels = list(dict.fromkeys(label for record in records for label in record["labels"])) or list(
        about.labels
    )
    shown = sorted(range(len(records)), key=lambda index: -records[index]["defect_fraction"])[:GALLERY_LIMIT]
    cards, unread = [], []
    for index in sorted(shown):
        try:
            image = read_source(records[index]["source"], page=page, white=white)
            cards.append(_card(index + 1, records[index], image, labels))
        except FlawscopeError as error:
            unread.append(str(error))
    root = _common_folder([record["source"] for record in records])
    for card in cards:
        card["name"] = card["name"].removeprefix(root)
    rows = _rows(records, {card["number"] for card in cards}, root)
    environment = Environment(
        loader=PackageLoader("flawscope.inspect"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    text = environment.get_template("report.html.j2").render(
        title=title,
        subtitle=f"{weights}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        tiles=_tiles(records, len(failures)),
        failures=list(failures),
        legend=[{"label": label, "colour": _css(number)} for number, label in enumerate(labels)],
        cards=cards,
        gallery_note=_gallery_note(len(cards), len(records), unread),
        rows=rows[:TABLE_LIMIT],
        table_note=f"The {TABLE_LIMIT:,} largest of {len(rows):,} defects."
        if len(rows) > TABLE_LIMIT
        else "",
        columns=[{"name": name, "number": number} for name, number in _COLUMNS],
        sort_column=_SORTED_BY,
        facts=[
            *([("Folder", root)] if root else []),
            *_facts(about, weights, {**settings, "page": page, "white": white}, records),
        ],
    )
    return write_text(path, text)


def _tiles(records: Sequence[Record], failed: int) -> list[dict[str, Any]]:
    defective = sum(bool(record["defects"]) for record in records)
    defects = sum(len(record["defects"]) for record in records)
    tiles = [
        {"name": "images", "value": f"{len(records):,}", "kind": ""},
        {"name": "with defects", "value": f"{defective:,}", "kind": "bad" if defective else ""},
        {"name": "clean", "value": f"{len(records) - defective:,}", "kind": "good"},
        {"name": "defects", "value": f"{defects:,}", "kind": ""},
    ]
    if records:
        seconds = float(np.median([record["seconds"] for record in records]))
        tiles.append({"name": "an image, median", "value": f"{seconds * 1000:,.0f} ms", "kind": ""})
    if failed:
        tiles.append({"name": "not inspected", "value": f"{failed:,}", "kind": "bad"})
    return tiles


def _card(number: int, record: Record, image: Image, labels: Sequence[str]) -> dict[str, Any]:
    height, width = image.shape[:2]
    scale = min(1.0, THUMBNAIL_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(to_uint8(image), size, interpolation=cv2.INTER_AREA)
    count = len(record["defects"])
    defects = "clean" if count == 0 else f"{count} defect{'s' if count > 1 else ''}"
    return {
        "number": number,
        "name": record["source"],
        "defects": count,
        "caption": f"{width} x {height} px, {defects}"
        + (f", {_percent(record['defect_fraction'])} of the area" if count else ""),
        "image": _data_uri(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), ".jpg", "image/jpeg"),
        "paint": _data_uri(_paint(record, labels, size), ".png", "image/png") if count else "",
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


def _common_folder(sources: Sequence[str]) -> str:
    """The beginning that all sources share, to be left out where they are listed; ends with a slash."""
    parents = [PurePosixPath(source).parent.parts for source in sources]
    shared: list[str] = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return PurePosixPath(*shared).as_posix().rstrip("/") + "/" if shared else ""


def _rows(records: Sequence[Record], carded: set[int], root: str) -> list[dict[str, Any]]:
    rows = [
        {
            "source": record["source"].removeprefix(root),
            "card": number if number in carded else None,
            "label": defect["label"],
            "score": float(defect["score"]),
            "area": int(defect["area_px"]),
            "share": defect["area_px"] / (record["width"] * record["height"]),
            **dict(zip(("x", "y", "width", "height"), defect["box"], strict=True)),
        }
        for number, record in enumerate(records, start=1)
        for defect in record["defects"]
    ]
    return sorted(rows, key=lambda row: -row["area"])


def _facts(
    about: Description, weights: str, settings: Mapping[str, Any], records: Sequence[Record]
) -> list[tuple[str, str]]:
    facts = [
        ("Weights", weights),
        ("Network", about.method),
        ("Classes", ", ".join(about.labels)),
        ("Method", _method(about, settings, records)),
    ]
    if settings.get("min_area", 1) > 1:
        facts.append(("Smallest defect", f"{settings['min_area']} px; smaller regions are left out"))
    if settings.get("page") is not None:
        facts.append(("Page", f"{settings['page']} of multi-page files"))
    if settings.get("white") is not None:
        facts.append(("White", f"stored value {settings['white']}"))
    facts += _origin(about)
    packages = ("numpy", "onnxruntime", "opencv-contrib-python-headless", "pillow")
    facts.append(("Flawscope", f"{__version__}, Python {platform.python_version()}, {platform.platform()}"))
    facts.append(("Packages", ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))))
    return facts


def _method(about: Description, settings: Mapping[str, Any], records: Sequence[Record]) -> str:
    if settings.get("binarize") == "otsu":
        return "Otsu's threshold, chosen for each image"
    used = sorted({record["threshold"] for record in records if record["threshold"] is not None})
    levels = ", ".join(f"{level:g}" for level in used)
    chosen = "given" if settings.get("threshold") is not None else about.threshold_from
    return f"fixed threshold {levels} ({chosen})" if used else "fixed threshold"


def _origin(about: Description) -> list[tuple[str, str]]:
    """What the weights say of their training, in words."""
    rest = dict(about.provenance)
    facts = []
    dataset, images = rest.pop("dataset", None), rest.pop("training_images", None)
    if dataset is not None:
        details = [f"{name} {rest.pop(name)}" for name in ("recipe", "seed", "epoch") if name in rest]
        many = f"{images:,} images of " if isinstance(images, int) else ""
        facts.append(("Trained on", many + ", ".join([str(dataset), *details])))
    if "flawscope" in rest:
        facts.append(("Trained with", f"Flawscope {rest.pop('flawscope')}"))
    validation = rest.pop("validation", None)
    if isinstance(validation, Mapping):
        figure = validation.get("iou_fg_image_mean_calibrated", validation.get("iou_fg_image_mean"))
        count = validation.get("images")
        if isinstance(figure, float):
            over = f" over {count:,} validation images" if isinstance(count, int) else ""
            facts.append(("Validation", f"mean overlap (IoU) of the defects {_percent(figure)}{over}"))
    facts += [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in sorted(rest.items())]
    return facts


def _plain(value: object) -> str:
    """A value of free-form provenance without the punctuation of code."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def _percent(share: float) -> str:
    return f"{share * 100:.2f}\N{NO-BREAK SPACE}%"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _gallery_note(shown: int, total: int, unread: Sequence[str]) -> str:
    notes = []
    if shown + len(unread) < total:
        notes.append(f"{shown:,} of {total:,} images are shown, those with most defect area.")
    if unread:
        notes.append(f"{len(unread):,} could not be read again for this page, the first: {unread[0]}")
    return " ".join(notes)


def _data_uri(picture: npt.NDArray[Any], suffix: str, kind: str) -> str:
    done, encoded = cv2.imencode(suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, 88] if suffix == ".jpg" else [])
    assert done, f"OpenCV cannot encode {suffix}"
    return f"data:{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def _css(number: int) -> str:
    red, green, blue = PALETTE[number % len(PALETTE)]
    return f"#{red:02x}{green:02x}{blue:02x}"
