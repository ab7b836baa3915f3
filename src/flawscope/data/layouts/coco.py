"""COCO JSON: polygons and run-length masks of named categories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.layouts.base import dataset, has_images, subfolders
from flawscope.data.layouts.finding import ImageFinder, json_kind, split_of
from flawscope.data.masks import Drawn, MaskSource, Outline, RunLengths
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.data.splits import load_json
from flawscope.errors import DataError


def recognise(path: Path) -> str | None:
    """A JSON file with ``images`` and ``annotations``, here or in ``annotations/`` or a split's folder."""
    files = _files(path)
    return None if not files else f"COCO annotations in {', '.join(file.name for file in files[:3])}"


def read(path: Path) -> SegmentationData:
    """Read COCO annotation files and the images they name.

    Regions are polygons (several rings of one annotation are joined) or run-length masks, compressed or not;
    later annotations lie on top. An image without annotations is clean. The split is in the name of the file
    (``instances_train2017.json``) or of its folder. Images are looked for below the folder, and for a file in
    ``annotations/`` below the folder around it. An image with an annotation that is only a box is left
    unlabelled and listed as a problem, and so is an image file that is missing.

    Raises:
        DataError: the file has no images, or is not of the form.
    """
    files = _files(path)
    if not files:
        raise DataError(
            "no COCO annotation file here", where=path, remedy="It is JSON with 'images' and 'annotations'"
        )
    root = path
    if path.is_file():
        # Images lie beside the folder 'annotations', not in it.
        root = path.parent.parent if path.parent.name == "annotations" else path.parent
    contents = [_load(file) for file in files]
    labels = _labels(contents)
    finders = {folder: ImageFinder(folder) for folder in {_home(file, root) for file in files}}
    samples: dict[Path, Sample] = {}
    problems: list[Problem] = []
    for file, content in zip(files, contents, strict=True):
        split = split_of(file.stem) or (split_of(file.parent.name) if file.parent != root else None)
        numbers = {c["id"]: labels.index(c["name"]) + 1 for c in content["categories"] if c["name"] in labels}
        regions: dict[Any, list[Mapping[str, Any]]] = {}
        for annotation in content["annotations"]:
            regions.setdefault(annotation.get("image_id"), []).append(annotation)
        for info in content["images"]:
            image = finders[_home(file, root)].find(str(info.get("file_name", "")))
            if image is None:
                problems.append(Problem(file, f"names an image that is not there: {info.get('file_name')}"))
                continue
            truth: MaskSource | None = None
            try:
                layers = [part for one in regions.get(info["id"], []) for part in _layers(one, numbers)]
                truth = Drawn(tuple(layers), file, _size(info))
            except (DataError, KeyError, TypeError, ValueError) as error:
                reason = (
                    error.what if isinstance(error, DataError) else f"annotation not understood ({error})"
                )
                problems.append(Problem(image, f"left unlabelled: {reason}"))
            extra = {key: info.get(key) for key in ("kind", "group", "subset")}
            samples[image] = Sample("", image, truth, split=info.get("split", split), **extra)
    return dataset("coco", root, labels, samples.values(), problems)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and json_kind(path) == "coco" else []
    folders = [path, *subfolders(path)]
    found = [
        file
        for folder in folders
        for file in sorted(folder.glob("*.json"))[:50]
        if not file.name.startswith(".") and json_kind(file) == "coco"
    ]
    instances = [file for file in found if file.name.startswith("instances_")]
    return instances or found


def _home(file: Path, root: Path) -> Path:
    """Where the images of an annotation file are looked for: its own folder if that holds images."""
    return file.parent if file.parent != root and has_images(file.parent) else root


def _load(file: Path) -> dict[str, Any]:
    content = load_json(file)
    lists = all(isinstance(content.get(key), list) for key in ("images", "annotations", "categories"))
    if not lists or not all("id" in c and "name" in c for c in content["categories"]):
        raise DataError("COCO needs lists of images, annotations and categories", where=file)
    if not content["images"]:
        raise DataError("its list of images is empty", where=file)
    return dict(content)


def _labels(contents: list[dict[str, Any]]) -> list[str]:
    """Category names by id. A category that only stands above others and is never annotated is left out."""
    used = {a.get("category_id") for content in contents for a in content["annotations"]}
    above = {c.get("supercategory") for content in contents for c in content["categories"]}
    names: dict[str, None] = {}
    for content in contents:
        for category in sorted(content["categories"], key=lambda c: int(c["id"])):
            if category["id"] in used or category["name"] not in above:
                names[str(category["name"])] = None
    return list(names)


def _layers(annotation: Mapping[str, Any], numbers: Mapping[Any, int]) -> list[MaskSource]:
    number = numbers.get(annotation.get("category_id"))
    if number is None:
        raise DataError(f"annotation {annotation.get('id')} has an unknown category", where="annotation")
    shape = annotation.get("segmentation")
    if isinstance(shape, Mapping):
        return [RunLengths(number, shape)]
    if not shape:
        raise DataError(f"annotation {annotation.get('id')} is a box without an outline", where="annotation")
    outlines: list[MaskSource] = []
    for ring in shape:
        points = np.asarray(ring, dtype=np.float64)
        if points.ndim != 1 or points.size < 6 or points.size % 2:
            raise DataError(f"annotation {annotation.get('id')} has a broken polygon", where="annotation")
        outlines.append(Outline(number, (points.reshape(-1, 2),)))
    return outlines


def _size(info: Mapping[str, Any]) -> tuple[int, int] | None:
    if info.get("height") and info.get("width"):
        return int(info["height"]), int(info["width"])
    return None
