"""Label Studio: the export "JSON", one file for all tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.layouts.base import dataset
from flawscope.data.layouts.finding import ImageFinder, json_kind, split_of_path
from flawscope.data.masks import Drawn, MaskSource, Outline, check_size
from flawscope.data.polygons import box, ellipse, rotate
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.data.splits import load_json
from flawscope.errors import DataError
from flawscope.images import Mask

_LABEL_KEYS = ("polygonlabels", "brushlabels", "rectanglelabels", "ellipselabels", "labels")
_SHAPES = ("polygon", "brush", "rectangle", "ellipse")


@dataclass(frozen=True, slots=True)
class Brush:
    """A brushed region in Label Studio's packed run lengths, unpacked when it is read.

    Attributes:
        class_number: its class, 1 to K.
        packed: the bytes of ``value.rle``.
        size: ``(height, width)``.
    """

    class_number: int
    packed: bytes
    size: tuple[int, int]

    @property
    def path(self) -> Path | None:
        """None: regions share a file."""
        return None

    def read(self, height: int, width: int) -> Mask:
        """Class number wherever the brush left any opacity."""
        values = unpack(self.packed)
        if values.size != 4 * self.size[0] * self.size[1]:
            raise DataError("a brushed region that does not fill its image", where="rle")
        alpha = values.reshape(*self.size, 4)[:, :, 3]
        check_size(alpha, height, width, "annotation")
        return np.where(alpha > 0, np.uint8(self.class_number), np.uint8(0))


def unpack(packed: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Values of a packed stream: the format ``rle-pack`` that Label Studio's brush writes.

    Bits, highest first: 32 for the number of values, 5 for the bits of a value less one, 4 times 4 for the
    four sizes (less one) that a run's length may have; then runs: 1 bit "repeated", 2 bits which size, the
    length less one, and one value if repeated, else one for each place.

    Raises:
        DataError: the stream ends early.
    """
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        if at > len(bits):
            raise DataError("a brushed region that ends early", where="rle")
        return int(bits[at - count : at], 2)

    total = take(32)
    word = take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if word > 8 or total > 8 * 400_000_000:
        raise DataError("a brushed region of an unknown form", where="rle")
    values = np.zeros(total, dtype=np.uint8)
    place = 0
    while place < total:
        repeated = take(1)
        length = take(sizes[take(2)]) + 1
        if repeated:
            values[place : place + length] = take(word)
        else:
            values[place : place + length] = [take(word) for _ in range(length)][: total - place]
        place += length
    return values


def recognise(path: Path) -> str | None:
    """A JSON file that is a list of tasks."""
    file = _file(path)
    return None if file is None else f"Label Studio tasks in {file.name}"


def read(path: Path) -> SegmentationData:
    """Read the tasks and the images they name.

    Regions: polygons, rectangles (turned clockwise about their upper left corner by ``rotation``) and
    ellipses in per cent of the image, and brushed masks. Of several annotations of a task the last that was
    not cancelled counts. A task whose annotation has no region is clean, one without annotation unlabelled.
    Images are found by path or name below the file's folder, also when Label Studio put eight characters
    before the name. Classes are the labels in alphabetical order.
    """
    file = _file(path)
    if file is None:
        raise DataError("no Label Studio export here", where=path, remedy="Export tasks as 'JSON'")
    root = file.parent
    finder = ImageFinder(root)
    tasks: list[Mapping[str, Any]] = load_json(file)
    results = [_last(task) for task in tasks]
    labels = sorted({label for result in results for _, label in _regions(result or [])})
    samples: list[Sample] = []
    problems: list[Problem] = []
    for task, result in zip(tasks, results, strict=True):
        written = _written(task)
        image = finder.find(written)
        if image is None:
            problems.append(Problem(file, f"names an image that is not there: {written}"))
            continue
        truth: MaskSource | None = None
        try:
            if result is not None:
                layers = [_layer(one, labels.index(label) + 1) for one, label in _regions(result)]
                truth = Drawn(tuple(layers), file, next((_size(one) for one, _ in _regions(result)), None))
        except (DataError, KeyError, TypeError, ValueError) as error:
            reason = error.what if isinstance(error, DataError) else f"a region is not understood ({error})"
            problems.append(Problem(image, f"left unlabelled: {reason}"))
        samples.append(Sample("", image, truth, split=split_of_path(image, root)))
    return dataset("label-studio", root, labels or ["defect"], samples, problems)


def _file(path: Path) -> Path | None:
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    return next((f for f in files if f.suffix.lower() == ".json" and json_kind(f) == "label-studio"), None)


def _last(task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    made = task.get("annotations", task.get("completions")) or []
    kept = [one.get("result", []) for one in made if not one.get("was_cancelled")]
    return kept[-1] if kept else None


def _written(task: Mapping[str, Any]) -> str:
    data: Mapping[str, Any] = task.get("data", {})
    named = data.get("image") or next((v for v in data.values() if isinstance(v, str)), "")
    return str(named)


def _regions(result: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """Regions with their label; a label may stand in a second result of the same id."""
    named: dict[Any, str] = {}
    for one in result:
        for key in _LABEL_KEYS:
            for label in one.get("value", {}).get(key, [])[:1]:
                named[one.get("id", id(one))] = str(label)
    found: dict[Any, tuple[Mapping[str, Any], str]] = {}
    for one in result:
        key = one.get("id", id(one))
        if str(one.get("type", "")).removesuffix("labels") in _SHAPES and key in named:
            found[key] = (one, named[key])
    return list(found.values())


def _size(one: Mapping[str, Any]) -> tuple[int, int]:
    return int(one["original_height"]), int(one["original_width"])


def _layer(one: Mapping[str, Any], number: int) -> MaskSource:
    kind = str(one["type"]).removesuffix("labels")
    value: Mapping[str, Any] = one["value"]
    height, width = _size(one)
    if one.get("image_rotation"):
        raise DataError("it was annotated on a turned image", where="image_rotation")
    if kind == "brush":
        return Brush(number, bytes(value["rle"]), (height, width))
    scale = np.array([width, height]) / 100
    if kind == "polygon":
        return Outline(number, (np.asarray(value["points"], dtype=np.float64).reshape(-1, 2) * scale,))
    x, y = float(value["x"]) * scale[0], float(value["y"]) * scale[1]
    if kind == "rectangle":
        corners = box(x, y, x + float(value["width"]) * scale[0], y + float(value["height"]) * scale[1])
    else:
        corners = ellipse(x, y, float(value["radiusX"]) * scale[0], float(value["radiusY"]) * scale[1])
    return Outline(number, (rotate(corners, float(value.get("rotation", 0)), (x, y)),))
