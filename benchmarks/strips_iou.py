"""IoU tiled and untiled: the parts ``iou`` and ``overlap`` of ``strips.py``.

``iou`` has two photograph sets that are no strips. Magnetic-tile images (about 200 to 400 px a side) are larger than
the network's 224 px input and are tiled as they are. Steel images (200 px) are composed, 16 at a time, into mosaics
of 800 x 800 px; each image is then scored on its own part of the mosaic's mask, beside the answer to the image alone.

``overlap`` has three sets on which the network works better, without seams between unrelated images; overlaps are
shares of a tile's side:

- *continued*: a steel image goes on in its own mirror images up to 500 x 500 px, at a place drawn by chance, and is
  scored on itself. Tiles of 200 px: the scale of training, where whole images of 200 px were stretched to 224;
- *enlarged*: a steel image three times as large, 600 x 600 px, in tiles of 300 px. Tiles of one image in three by
  three cannot have the scale of training, for that is the scale of the whole; 300 px is twice as large, the least at
  which neighbours need not overlap;
- *drawn*: surfaces of 512 x 512 px with exact masks, in tiles of 224 px, seen pixel by pixel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flawscope.data.samples import Sample, SegmentationData, open_data
from flawscope.data.synthetic import draw
from flawscope.metrics.intervals import bootstrap
from flawscope.segment import Tiled, binarize, load

SIDE, OVERLAPS = 224, (0, 28, 56, 84, 112)
EIGHTHS = (0, 1, 2, 3, 4)
DEFAULT_EIGHTHS = 2
TILES = {"continued": 200, "enlarged": 300, "drawn": SIDE}
STEEL, DRAWN, CANVAS, ENLARGED = 90, 40, 500, 3

Scene = list[tuple[np.ndarray, np.ndarray, slice, slice]]


def data(name: str, split: str) -> SegmentationData:
    root = Path(os.environ["FLAWSCOPE_DATA"])
    return open_data(root / name, splits=root / "splits" / f"{name}.json").split(split)


def read(item: Sample) -> tuple[np.ndarray, np.ndarray]:
    image, mask = item.read()
    return image, mask > 0


def iou(sample: int, threads: int) -> dict[str, Any]:
    network = load("ocinet-tiny", device="cpu", threads=threads)
    ways = {"whole": network} | {str(overlap): Tiled(network, SIDE, overlap) for overlap in OVERLAPS}
    return {
        "threshold": network.threshold,
        "default_overlap": Tiled(network).overlap,
        "magnetic-tile": scored(ways, tile_scenes(sample)),
        "sd-saliency-900": scored(
            ways, mosaics(sample), alone=lambda image: network.segment(image).probability
        ),
    }


def tile_scenes(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """Each defective test image by itself."""
    for item in data("magnetic-tile", "test").samples[::sample]:
        image, truth = read(item)
        if truth.any():
            yield image, [(image, truth, slice(None), slice(None))]


def mosaics(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """16 test images of 200 x 200 in a square, all kinds mixed."""
    items = data("sd-saliency-900", "test").samples
    order = np.random.default_rng(0).permutation(len(items))[::sample]
    for first in range(0, len(order) - 15, 16):
        canvas, scene = np.zeros((800, 800, 3), np.uint8), []
        for place, index in enumerate(order[first : first + 16]):
            top, left = 200 * (place // 4), 200 * (place % 4)
            rows, columns = slice(top, top + 200), slice(left, left + 200)
            image, truth = read(items[index])
            canvas[rows, columns] = image
            scene.append((image, truth, rows, columns))
        yield canvas, scene


def overlap(sample: int, threads: int) -> dict[str, Any]:
    """What overlaps cost where the network works; each way beside the default, image by image."""
    network = load("ocinet-tiny", device="cpu", threads=threads)
    return {
        "threshold": network.threshold,
        "default_eighths": DEFAULT_EIGHTHS,
        **{name: overlaps(name, network, sample) for name in TILES},
    }


def overlaps(name: str, network: Any, sample: int) -> dict[str, Any]:
    """One of the sets."""
    side = TILES[name]
    scenes = {"continued": continued, "enlarged": enlarged, "drawn": drawn}[name](sample)
    tiled = {str(eighths): Tiled(network, side, side * eighths // 8) for eighths in EIGHTHS}
    return {
        "tile": side,
        **scored(
            {"whole": network} | tiled,
            scenes,
            alone=(lambda image: network.segment(image).probability) if name == "continued" else None,
            beside=str(DEFAULT_EIGHTHS),
        ),
    }


def steel(sample: int) -> list[Sample]:
    """Test images, as many of each class."""
    items = data("sd-saliency-900", "test").samples
    kinds = sorted({item.kind for item in items if item.kind})
    each = STEEL // len(kinds)
    chosen = []
    for kind in kinds:
        some = [item for item in items if item.kind == kind]
        chosen += [some[number * len(some) // each] for number in range(each)]
    return chosen[::sample]


def continued(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """Each image within its own mirror images, at a place drawn by chance."""
    rng = np.random.default_rng(0)
    for item in steel(sample):
        image, truth = read(item)
        top, left = rng.integers(0, CANVAS - np.array(truth.shape), endpoint=True).tolist()
        height, width = truth.shape
        around = ((top, CANVAS - height - top), (left, CANVAS - width - left), (0, 0))
        rows, columns = slice(top, top + height), slice(left, left + width)
        yield np.pad(image, around, mode="symmetric"), [(image, truth, rows, columns)]


def enlarged(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """Each image three times as large."""
    for item in steel(sample):
        image, truth = read(item)
        size = (ENLARGED * truth.shape[1], ENLARGED * truth.shape[0])
        large = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        mask = cv2.resize(truth.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        yield large, [(large, mask, slice(None), slice(None))]


def drawn(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """Surfaces with at least one defect, all drawn from other seeds than training's."""
    for number in range(0, DRAWN, sample):
        image, mask, _ = draw((81, number), 512, 512, clean_probability=0.0)
        yield image, [(image, mask > 0, slice(None), slice(None))]


def scored(
    ways: dict[str, Any],
    scenes: Iterator[tuple[np.ndarray, Scene]],
    alone: Callable[[np.ndarray], np.ndarray] | None = None,
    beside: str | None = None,
) -> dict[str, Any]:
    """Image-mean and pooled IoU of each way to see the scenes; ``beside``: also how far each is above that way."""
    counts: dict[str, list[tuple[int, int]]] = {}
    level = ways["whole"].threshold
    for canvas, scene in scenes:
        masks = {name: binarize(way.segment(canvas).probability, level) > 0 for name, way in ways.items()}
        for image, truth, rows, columns in scene:
            parts = {name: mask[rows, columns] for name, mask in masks.items()}
            if alone is not None:
                parts["alone"] = binarize(alone(image), level) > 0
            for name, mask in parts.items():
                both, either = np.count_nonzero(mask & truth), np.count_nonzero(mask | truth)
                counts.setdefault(name, []).append((both, either))
    answer = {
        name: {
            "images": len(pairs),
            "iou_fg_image_mean": round(
                float(np.mean([both / either for both, either in pairs if either])), 4
            ),
            "iou_fg_pooled": round(sum(p[0] for p in pairs) / max(1, sum(p[1] for p in pairs)), 4),
        }
        for name, pairs in counts.items()
    }
    if beside is None:
        return answer
    default = single(counts[beside])
    return {name: {**one, **above(single(counts[name]), default)} for name, one in answer.items()}


def single(pairs: list[tuple[int, int]]) -> np.ndarray:
    """IoU of each image; all have a defect."""
    return np.array([both / either for both, either in pairs])


def above(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """Mean difference of two ways over the same images, with its bootstrap interval."""
    sums = np.stack([one - other, np.ones(len(one))], axis=1)
    low, high = bootstrap(lambda drawn: {"mean": drawn[:, 0] / drawn[:, 1]}, sums)["mean"]
    return {
        "above_default": round(float((one - other).mean()), 4),
        "above_default_95": [round(float(low), 4), round(float(high), 4)],
    }
