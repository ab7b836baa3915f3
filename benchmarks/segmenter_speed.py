"""How long the segmenters without a network, and a SAM of the small promptable models' shape, take on this CPU.

Run: ``python benchmarks/segmenter_speed.py [--threads N]``; writes ``benchmarks/results/segmenter_speed.json``.
Images are drawn surfaces with defects. Times are medians and minima over them, with the processor's own time, all
threads together, beside the clock's: the load average in the result says how busy the machine was. The SAM has random
weights, so that it can be timed before it is trained; without prompts its masks are kept whatever their quality.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from flawscope.data.synthetic import draw
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment import GrabCutSegmenter, Prompts, RegionSegmenter
from flawscope.segment.sam import load_sam
from flawscope.segment.sam_everything import Everything
from flawscope.train.promptable.preset import Preset, build

SIDES, IMAGES, SEED = (200, 256), 12, 0


def scenes(side: int) -> list[tuple[np.ndarray, Prompts, Prompts]]:
    """Drawn images, each with a point in its largest defect and the box around it."""
    found = []
    for number in range(IMAGES):
        image, mask, _ = draw((SEED, number), side, side, clean_probability=0.0)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        depth = cv2.distanceTransform((numbers == largest).astype(np.uint8), cv2.DIST_L2, 5)
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        point = Prompts(points=np.array([[x, y]]), point_labels=np.array([1]))
        found.append((image, point, Prompts(boxes=stats[largest : largest + 1, :4])))
    return found


def timed(actions: list[Callable[[], object]]) -> dict[str, float]:
    """Of actions alike, the first of which warms up."""
    wall, processor = [], []
    for action in actions:
        started = time.perf_counter(), time.process_time()
        action()
        wall.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return {
        "median_ms": round(statistics.median(wall[1:]) * 1e3, 1),
        "min_ms": round(min(wall[1:]) * 1e3, 1),
        "median_processor_ms": round(statistics.median(processor[1:]) * 1e3, 1),
    }


def measure(side: int, folder: Path) -> dict[str, Any]:
    given = scenes(side)
    regions, grabcut = RegionSegmenter(), GrabCutSegmenter()
    anything = Everything(pred_iou_thresh=-1e9, stability_score_thresh=-1.0)
    sam = load_sam(folder, device="cpu", everything=anything)
    return {
        "regions": timed([lambda image=image: regions.segment(image) for image, _, _ in given]),
        "grabcut, point": timed([lambda i=i, p=p: grabcut.segment(i, p) for i, p, _ in given]),
        "grabcut, box": timed([lambda i=i, b=b: grabcut.segment(i, b) for i, _, b in given]),
        "promptable, point": timed([lambda i=i, p=p: sam.segment(i, p) for i, p, _ in given]),
        "promptable, box on the same image": timed([lambda i=i, b=b: sam.segment(i, b) for i, _, b in given]),
        "promptable, everything on the same image": timed(
            [lambda image=image: sam.segment(image) for image, _, _ in given[:4]]
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    with tempfile.TemporaryDirectory() as folder:
        build(Preset(), seed=SEED).half().save_pretrained(folder)
        times = {str(side): measure(side, Path(folder)) for side in SIDES}
    report = {
        "machine": describe_machine(),
        "threads": threads,
        "seed": SEED,
        "images": IMAGES,
        "milliseconds_an_image": times,
    }
    print(report)
    write_json(Path(__file__).parent / "results" / "segmenter_speed.json", report)


if __name__ == "__main__":
    main()
