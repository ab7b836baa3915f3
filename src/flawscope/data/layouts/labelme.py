"""LabelMe: one JSON file beside each image."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from flawscope.data.layouts.base import dataset
from flawscope.data.layouts.finding import ImageFinder, json_kind, split_of_path
from flawscope.data.masks import Drawn, MaskSource, Outline, Patch
from flawscope.data.polygons import box, ellipse
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.data.splits import load_json
from flawscope.errors import DataError

BACKGROUND_LABELS = ("_background_", "__ignore__")
"""Shapes with these labels are no defects; they are passed over."""

_FIRST_LOOK = 5


def recognise(path: Path) -> str | None:
    """JSON files with ``shapes`` and ``imagePath``."""
    if path.is_dir() and any(json_kind(file) == "labelme" for file in _files(path)[:_FIRST_LOOK]):
        return "LabelMe JSON files"
    return None


def read(path: Path) -> SegmentationData:
    """Read LabelMe files and the images they name.

    Areas: ``polygon``, ``rectangle``, ``circle`` (centre and a point on it) and ``mask``. ``line`` and
    ``linestrip`` have no area and count as one pixel wide. ``point`` has none at all: such an image is left
    unlabelled and listed as a problem. Classes are the labels in alphabetical order. An image whose file has
    no shapes is clean, an image without a file is unlabelled.
    """
    finder = ImageFinder(path)
    told: dict[Path, tuple[Path, dict[str, Any]]] = {}
    problems: list[Problem] = []
    for file in _files(path):
        content = load_json(file)
        if not isinstance(content, dict) or "shapes" not in content:
            continue
        image = _image(file, str(content.get("imagePath") or ""), finder)
        if image is None:
            problems.append(Problem(file, f"its image is not there: {content.get('imagePath')}"))
        else:
            told[image] = (file, content)
    names = {str(shape.get("label")) for _, content in told.values() for shape in content["shapes"]}
    labels = sorted(names - set(BACKGROUND_LABELS))
    samples: list[Sample] = []
    for image in dict.fromkeys([*finder.all(), *told]):
        truth: MaskSource | None = None
        if image in told:
            file, content = told[image]
            try:
                truth = Drawn(_layers(content["shapes"], labels), file, _size(content))
            except DataError as error:
                problems.append(Problem(image, f"left unlabelled: {error.what}"))
        samples.append(Sample("", image, truth, split=split_of_path(image, path)))
    return dataset("labelme", path, labels or ["defect"], samples, problems)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*.json") if not file.name.startswith("."))


def _image(file: Path, written: str, finder: ImageFinder) -> Path | None:
    beside = file.parent / written.replace("\\", "/")
    return beside if written and beside.is_file() else finder.find(written) if written else None


def _layers(shapes: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> tuple[MaskSource, ...]:
    return tuple(
        _layer(shape, labels.index(str(shape["label"])) + 1)
        for shape in shapes
        if str(shape.get("label")) not in BACKGROUND_LABELS
    )


def _layer(shape: Mapping[str, Any], number: int) -> MaskSource:
    kind = shape.get("shape_type") or "polygon"
    try:
        points = np.asarray(shape["points"], dtype=np.float64).reshape(-1, 2)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a {kind} without usable points", where="shapes") from error
    if kind == "polygon" and len(points) >= 3:
        return Outline(number, (points,))
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return Outline(number, (box(left, top, right, bottom),))
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        return Outline(number, (ellipse(points[0][0], points[0][1], radius, radius),))
    if kind in ("line", "linestrip") and len(points) >= 2:
        return Outline(number, (points,), line=True)
    if kind == "mask" and len(points) == 2:
        return Patch(number, round(points[0][0]), round(points[0][1]), _pixels(shape.get("mask")))
    raise DataError(f"a {kind} of {len(points)} points has no area", where="shapes")


def _pixels(text: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The picture inside a ``mask`` shape."""
    try:
        with PillowImage.open(io.BytesIO(base64.b64decode(str(text), validate=True))) as opened:
            return np.asarray(opened.convert("L")) > 0
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError) as error:
        raise DataError("a mask whose picture is not readable", where="shapes") from error


def _size(content: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = content.get("imageHeight"), content.get("imageWidth")
    return (int(height), int(width)) if height and width else None
