"""IoU of promptable segmenters with the prompts of ``promptable_prompts``, and how long they take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flawscope.data.samples import Sample, SegmentationData
from flawscope.images import Image
from flawscope.metrics import masks_iou
from flawscope.metrics.intervals import bootstrap
from flawscope.segment.base import Prompts, Segmenter, binarize
from flawscope.segment.sam import SamSegmenter
from promptable_prompts import KINDS, prompt

Floats = npt.NDArray[np.float64]


def scores(segmenter: Segmenter, samples: Sequence[Sample]) -> dict[str, Floats]:
    """By prompt, the IoU of each image; every mask must have a pixel."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for sample in samples:
        image, mask = sample.read()
        truth = (mask > 0).astype(np.uint8)
        for kind in KINDS:
            answer = segmenter.segment(image, prompt(truth, kind)).probability
            found[kind].append(masks_iou(binarize(answer, segmenter.threshold), truth))
    return {kind: np.array(each) for kind, each in found.items()}


def with_defects(data: SegmentationData) -> list[Sample]:
    return [sample for sample in data.labelled() if sample.read()[1].any()]


def table(
    by_prompt: Mapping[str, Mapping[str, Floats]], samples: Sequence[Sample], ours: str
) -> dict[str, Any]:
    """Means with 95 % intervals over physical pieces, overall and by class, and what ours is better by."""
    kinds = sorted({sample.kind or "defect" for sample in samples})
    rows: dict[str, Any] = {}
    for part in ("all", *kinds):
        chosen = np.array([part in ("all", sample.kind or "defect") for sample in samples])
        groups = [sample.group or sample.name for sample, here in zip(samples, chosen, strict=True) if here]
        rows[part] = {"images": int(chosen.sum()), "groups": len(set(groups))}
        for kind, by_name in by_prompt.items():
            columns = {name: values[chosen] for name, values in by_name.items()}
            for name in tuple(columns):
                if name != ours:
                    columns[f"{ours} minus {name}"] = columns[ours] - columns[name]
            rows[part][kind] = {name: _mean(values, groups) for name, values in columns.items()}
    return rows


def _mean(values: Floats, groups: Sequence[str]) -> dict[str, Any]:
    sums = np.stack([values, np.ones(len(values))], axis=1)

    def figures(totals: Floats) -> dict[str, Floats]:
        return {"mean": totals[:, 0] / totals[:, 1]}

    ends = bootstrap(figures, sums, groups).get("mean")
    return {
        "iou_image_mean": round(float(values.mean()), 4),
        "interval_95": None if ends is None else [round(end, 4) for end in ends],
    }


def speed(segmenter: SamSegmenter, side: int, threads: int, repeats: int = 30) -> dict[str, Any]:
    """Encoder and one click through the product's own path, without its cache; and a second click, cached."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    rng = np.random.default_rng(threads)  # pictures that no earlier call left in the cache
    images: list[Image] = [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(repeats + 3)]
    click = Prompts(points=np.array([[side / 3, side / 2]], np.float32), point_labels=np.ones(1, np.int64))
    first = [timed(partial(segmenter.segment, image, click)) for image in images][3:]
    again = [timed(partial(segmenter.segment, images[-1], click)) for _ in range(repeats)]
    torch.set_num_threads(before)
    return {
        "threads": threads,
        "image_and_click_ms": {"median": _ms(statistics.median(first)), "min": _ms(min(first))},
        "further_click_ms": {"median": _ms(statistics.median(again)), "min": _ms(min(again))},
    }


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def size(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in sorted(folder.iterdir())}


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 1)
