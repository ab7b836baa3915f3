"""CVAT: the export "CVAT for images 1.1", one XML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from flawscope.data.layouts.base import SPLIT_NAMES, dataset
from flawscope.data.layouts.finding import ImageFinder, split_of_path
from flawscope.data.masks import Drawn, MaskSource, Outline, Patch
from flawscope.data.polygons import Points, box, ellipse, rotate
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.errors import DataError

_AREAS = ("polygon", "box", "mask", "ellipse", "polyline")
_NO_AREA = ("points", "cuboid", "skeleton")


def recognise(path: Path) -> str | None:
    """An XML file that starts with ``<annotations>``."""
    file = _file(path)
    return None if file is None else f"CVAT annotations in {file.name}"


def read(path: Path) -> SegmentationData:
    """Read ``annotations.xml`` and the images it names.

    Areas: ``polygon``, ``box`` (turned clockwise about its centre by ``rotation``), ``ellipse`` and ``mask``
    (run lengths along the rows of its own box, background first). ``polyline`` counts as one pixel wide.
    ``points``, ``cuboid`` and ``skeleton`` have no area: such an image is left unlabelled and listed as a
    problem. Regions of higher ``z_order`` lie on top. An image with no region is clean. The attribute
    ``subset`` or a folder named after a split gives the split.

    Raises:
        DataError: not XML, or the export for videos.
    """
    file = _file(path)
    if file is None:
        raise DataError("no CVAT annotation file here", where=path, remedy="Export 'CVAT for images 1.1'")
    root = file.parent
    tree = _parse(file)
    if tree.find("track") is not None:
        raise DataError("a CVAT export for videos", where=file, remedy="Export it as 'CVAT for images 1.1'")
    labels = _labels(tree)
    finder = ImageFinder(root)
    samples: list[Sample] = []
    problems: list[Problem] = []
    for element in tree.iter("image"):
        name = element.get("name", "")
        image = finder.find(name)
        if image is None:
            problems.append(Problem(file, f"names an image that is not there: {name}"))
            continue
        truth: MaskSource | None = None
        try:
            truth = Drawn(_layers(element, labels), file, _size(element))
        except (DataError, KeyError, ValueError) as error:
            reason = error.what if isinstance(error, DataError) else f"a region is not understood ({error})"
            problems.append(Problem(image, f"left unlabelled: {reason}"))
        split = SPLIT_NAMES.get(element.get("subset", "").lower()) or split_of_path(image, root)
        samples.append(Sample("", image, truth, split=split))
    return dataset("cvat", root, labels or ["defect"], samples, problems)


def _file(path: Path) -> Path | None:
    files = [path] if path.is_file() else sorted(path.glob("*.xml"))
    for file in files:
        if file.suffix.lower() == ".xml":
            with file.open("rb") as opened:
                if b"<annotations" in opened.read(4096):
                    return file
    return None


def _parse(file: Path) -> ElementTree.Element:
    content = file.read_bytes()
    # Entities can make a small file fill the memory, and no export needs them.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DataError("XML with a document type is refused", where=file, remedy="Export it again from CVAT")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise DataError(f"not valid XML ({error})", where=file, remedy="Export it again") from error


def _labels(tree: ElementTree.Element) -> list[str]:
    """Labels in the task's order, then any that only regions name; ``background`` is none."""
    declared = [e.findtext("name", "") for e in tree.iter("label") if e.findtext("type", "any") != "tag"]
    drawn = [
        region.get("label", "") for image in tree.iter("image") for region in image if region.tag in _AREAS
    ]
    return [name for name in dict.fromkeys([*declared, *drawn]) if name and name.lower() != "background"]


def _layers(image: ElementTree.Element, labels: list[str]) -> tuple[MaskSource, ...]:
    regions = [region for region in image if region.tag in _AREAS + _NO_AREA]
    regions.sort(key=lambda region: int(region.get("z_order", "0")))
    return tuple(
        _layer(region.tag, region.attrib, labels.index(region.attrib["label"]) + 1)
        for region in regions
        if region.get("label", "").lower() != "background"
    )


def _layer(tag: str, told: Mapping[str, str], number: int) -> MaskSource:
    turn = float(told.get("rotation", "0"))
    if tag in ("polygon", "polyline"):
        return Outline(number, (_points(told["points"]),), line=tag == "polyline")
    if tag == "box":
        left, top, right, bottom = (float(told[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = rotate(box(left, top, right, bottom), turn, ((left + right) / 2, (top + bottom) / 2))
        return Outline(number, (corners,))
    if tag == "ellipse":
        x, y, across, down = (float(told[key]) for key in ("cx", "cy", "rx", "ry"))
        return Outline(number, (rotate(ellipse(x, y, across, down), turn, (x, y)),))
    if tag == "mask":
        left, top, width, height = (int(float(told[key])) for key in ("left", "top", "width", "height"))
        lengths = [int(length) for length in told["rle"].split(",")]
        if sum(lengths) != width * height or min(lengths) < 0:
            raise DataError("a mask whose run lengths do not fill its box", where="mask")
        runs = np.arange(len(lengths)) % 2 == 1
        return Patch(number, left, top, np.repeat(runs, lengths).reshape(height, width))
    raise DataError(f"a region of type '{tag}' has no area", where="image")


def _points(text: str) -> Points:
    points = np.array([pair.split(",") for pair in text.split(";")], dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise DataError("an outline whose points are not pairs", where="points")
    return points


def _size(image: ElementTree.Element) -> tuple[int, int] | None:
    height, width = image.get("height"), image.get("width")
    return (int(height), int(width)) if height and width else None
