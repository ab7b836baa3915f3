"""How right measures are on shapes of known size, what a defect costs, and how well measures repeat on real tiles.

Run: ``python benchmarks/measuring.py`` (FLAWSCOPE_DATA for the tiles; without it they are left as recorded; with
``--only-tiles`` all else is); writes ``benchmarks/results/measuring.json`` and prints the tables of
``docs/measuring.md``, which a test compares with it. Shapes are drawn by supersampling; a pixel belongs where half of
it is covered. Tiles: groups that show one tile under several exposures; groups of one exposure say nothing and are
left out. First the largest region of each true mask. Then, on tiles of the test part alone, the largest region that a
network (``--weights``) answers on that true region, which counts as found when a tenth of it is answered.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
import tracemalloc
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flawscope.images import read_image, read_mask
from flawscope.inspect.measure import Measures, measure
from flawscope.machine import describe_machine
from flawscope.metrics.defects import OVERLAP
from flawscope.outputs import write_json
from flawscope.results import Defect, find_defects
from flawscope.runs import Runs
from flawscope.segment import Segmenter, load, predict
from flawscope.segment.description import made_with
from flawscope.segment.loading import shipped_weights

RESULTS = Path(__file__).parent / "results" / "measuring.json"
FINE = 8
ANGLES = (0, 7, 15, 22.5, 30, 45, 60, 77)
BARS = ((120, 16), (120, 6), (100, 3), (90, 50))
RINGS = ((20, 4), (20, 8), (40, 12), (60, 6))
SPANS = ((0, 180), (30, 120), (20, 330), (200, 290))
NAMES = ("length_px", "width_mean_px", "width_max_px", "perimeter_px")
SPREAD = {
    "area_px": "area",
    "length_px": "length",
    "width_mean_px": "mean width",
    "width_max_px": "largest width",
    "perimeter_px": "perimeter",
    "contrast": "contrast",
}
PARTS = ("train", "val", "test")

Tiles = dict[str, list[list[Measures | None]]]
"""By kind, tile after tile: what was measured in each exposure, None where the defect was not found."""


def drawn(inside: Any, side: int, pixel: tuple[float, float] = (1.0, 1.0)) -> Runs:
    wide, high = round(side / pixel[0]), round(side / pixel[1])
    y, x = np.mgrid[: high * FINE, : wide * FINE]
    covered = inside(((x + 0.5) / FINE - 0.5) * pixel[0], ((y + 0.5) / FINE - 0.5) * pixel[1])
    return Runs.of_mask(covered.reshape(high, FINE, wide, FINE).mean(axis=(1, 3)) >= 0.5)


def bar(length: float, width: float, degrees: float, middle: float) -> Any:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def inside(x: Any, y: Any) -> Any:
        x, y = x - middle - 0.3, y - middle + 0.39
        return (abs(x * cos - y * sin) <= length / 2) & (abs(x * sin + y * cos) <= width / 2)

    return inside


def arc(radius: float, width: float, span: tuple[float, float], middle: float) -> Any:
    def inside(x: Any, y: Any) -> Any:
        x, y = x - middle, y - middle - 0.3
        direction = np.degrees(np.arctan2(y, x)) % 360
        return (abs(np.hypot(x, y) - radius) <= width / 2) & (direction >= span[0]) & (direction <= span[1])

    return inside


def known_shapes() -> list[dict[str, Any]]:
    rows = []
    for length, width in BARS:
        found = [measure(drawn(bar(length, width, angle, 72), 144)) for angle in ANGLES]
        known = (length, width, width, 2 * (length + width))
        rows.append(
            errors(f"bars of {length} x {width}, {len(ANGLES)} directions", found, [known] * len(found))
        )
    for radius, width in RINGS:
        side = 2 * radius + width + 8
        found = [measure(drawn(arc(radius, width, (0, 360), side // 2), side))]
        known = (2 * math.pi * radius, width, width, 4 * math.pi * radius)
        rows.append(errors(f"ring of radius {radius}, width {width}", found, [known]))
        found = [measure(drawn(arc(radius, width, span, side // 2), side)) for span in SPANS]
        ways = [math.radians(span[1] - span[0]) * radius for span in SPANS]
        rows.append(
            errors(
                f"arcs of radius {radius}, width {width}, {len(SPANS)} spans",
                found,
                [(way, width, width, 2 * (way + width)) for way in ways],
            )
        )
    return rows


def errors(shape: str, found: list[Measures], known: list[tuple[float, ...]]) -> dict[str, Any]:
    """The largest error of each measure, in pixels and as a share of what is known."""
    row: dict[str, Any] = {"shape": shape}
    for index, name in enumerate(NAMES):
        pairs = [(getattr(one, name), truth[index]) for one, truth in zip(found, known, strict=True)]
        row[name] = {
            "pixels": round(max(abs(value - truth) for value, truth in pairs), 2),
            "share": round(max(abs(value / truth - 1) for value, truth in pairs), 4),
        }
    return row


def costs() -> dict[str, Any]:
    mask = np.zeros((8192, 8192), dtype=np.uint8)
    rng = np.random.default_rng(0)
    for row in range(100):
        for column in range(100):
            x, y = 80 * column + 40, 80 * row + 40
            axes = [int(size) for size in rng.integers(3, 20, 2)]
            cv2.ellipse(mask, (x, y), axes, int(rng.integers(180)), 0, 360, 1, -1)
    started = time.process_time()
    defects = find_defects(mask, ("pit",))
    finding = time.process_time() - started
    tracemalloc.start()
    copies = [Runs(one.runs.rows.copy(), one.runs.starts.copy(), one.runs.ends.copy()) for one in defects]
    held = tracemalloc.get_traced_memory()[0]
    before = [
        tuple(tuple((int(x), int(y)) for x, y in border) for border in defect.contours) for defect in defects
    ]
    contours = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()
    assert len(copies) == len(before) == len(defects)
    sample = defects[:: len(defects) // 100]
    started = time.process_time()
    for defect in sample:
        measure(defect)
    small = (time.process_time() - started) / len(sample)
    rows = np.arange(100_000)
    left = (30 + 20 * np.sin(rows / 900)).astype(np.int32)
    started = time.process_time()
    measure(Runs(rows, left, left + np.int32(40)))
    return {
        "defects": len(defects),
        "find_10000_on_8192x8192_seconds": round(finding, 2),
        "bytes_a_defect": round(held / len(defects)),
        "bytes_a_defect_as_contours": round(contours / len(defects)),
        "milliseconds_a_defect": round(small * 1e3, 2),
        "seconds_of_100000_rows_by_40": round(time.process_time() - started, 2),
    }


def tiles(root: Path, parts: tuple[str, ...], segmenter: Segmenter | None = None) -> Tiles:
    """Tiles with several exposures, each exposure once; without a segmenter the true masks are measured."""
    entries = json.loads((root / "splits" / "magnetic-tile.json").read_text(encoding="utf-8"))
    groups: dict[tuple[str, str], dict[str, tuple[Path, Defect]]] = defaultdict(dict)
    for entry in (entry for part in parts for entry in entries.get(part, [])):
        if not entry.get("mask") or entry.get("class") == "free":
            continue
        true = find_defects(read_mask(root / "magnetic-tile" / entry["mask"]), ("defect",))
        if true:
            exposure = Path(entry["image"]).name.split("_")[0]
            image = root / "magnetic-tile" / entry["image"]
            groups[entry["class"], entry["group"]].setdefault(exposure, (image, true[0]))
    kinds: Tiles = defaultdict(list)
    for (kind, _), exposures in sorted(groups.items()):
        if len(exposures) > 1:
            kinds[kind].append([measured(*each, segmenter) for each in exposures.values()])
    return kinds


def measured(image: Path, true: Defect, segmenter: Segmenter | None) -> Measures | None:
    """Of the true region, or of the largest that the segmenter answers on it; None where it is not found."""
    pixels = read_image(image)
    if segmenter is None:
        return measure(true, pixels)
    answer = predict(segmenter, pixels, keep_probability=False)
    where = np.zeros(answer.mask.shape, dtype=bool)
    left, top, wide, high = true.box
    where[top : top + high, left : left + wide] = true.region()
    if np.count_nonzero(answer.mask[where]) < OVERLAP * true.area:
        return None
    return measure(next(one for one in answer.defects if touches(one, where)), pixels)


def touches(defect: Defect, where: Any) -> bool:
    left, top, wide, high = defect.box
    return bool((where[top : top + high, left : left + wide] & defect.region()).any())


def spread(kinds: Tiles) -> dict[str, Any]:
    """For each kind, medians over tiles of the standard deviation and coefficient of variation over exposures."""
    rows = {}
    for kind, exposures in sorted(kinds.items()):
        found = [[one for one in tile if one is not None] for tile in exposures]
        row: dict[str, Any] = {
            "tiles": len(exposures),
            "images": sum(len(tile) for tile in exposures),
            "found": sum(len(tile) for tile in found),
            "tiles_compared": sum(len(tile) > 1 for tile in found),
        }
        for name in SPREAD:
            values = [[v for one in tile if (v := getattr(one, name)) is not None] for tile in found]
            pairs = [(statistics.stdev(each), abs(statistics.mean(each))) for each in values if len(each) > 1]
            if pairs:
                row[name] = {
                    "sd": round(statistics.median(sd for sd, _ in pairs), 3),
                    "cv": round(statistics.median(sd / mean for sd, mean in pairs), 4),
                }
        rows[kind] = row
    return rows


def shapes_table(report: dict[str, Any]) -> str:
    """Largest errors on shapes of known size."""
    lines = ["| shape | length | mean width | largest width | perimeter |", "|---|---:|---:|---:|---:|"]
    for row in report["shapes"]:
        cells = (f"{row[name]['pixels']:.2f} px, {row[name]['share']:.1%}" for name in NAMES)
        lines.append(f"| {row['shape']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def repeatability_table(report: dict[str, Any]) -> str:
    """Spread over exposures of the true masks."""
    lines = [
        f"| kind | tiles | images | {' | '.join(SPREAD.values())} |",
        "|---|" + "---:|" * (2 + len(SPREAD)),
    ]
    for kind, row in report["repeatability"].items():
        lines.append(f"| {kind} | {row['tiles']} | {row['images']} | {cells(row)} |")
    return "\n".join(lines)


def network_table(report: dict[str, Any]) -> str:
    """In how many exposures a network found the defects, and the spread where it found them."""
    lines = [
        f"| kind | tiles | found in | tiles with two or more | {' | '.join(SPREAD.values())} |",
        "|---|" + "---:|" * (3 + len(SPREAD)),
    ]
    for kind, row in report["network"]["kinds"].items():
        seen = f"{row['found']} of {row['images']} images | {row['tiles_compared']}"
        lines.append(f"| {kind} | {row['tiles']} | {seen} | {cells(row)} |")
    return "\n".join(lines)


def cells(row: dict[str, Any]) -> str:
    told = []
    for name in SPREAD:
        digits = 3 if name == "contrast" else 1
        told.append(f"{row[name]['sd']:.{digits}f} ({row[name]['cv']:.1%})" if name in row else "-")
    return " | ".join(told)


def main() -> None:
    usual = "ocinet-nano" if "ocinet-nano" in shipped_weights() else "ocinet-tiny"
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", default=usual, help="whose masks are measured on the tiles")
    parser.add_argument("--only-tiles", action="store_true", help="leave shapes and costs as recorded")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    report: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if not asked.only_tiles:
        report |= {"machine": describe_machine(), "threads": 1, "shapes": known_shapes(), "costs": costs()}
    data = os.environ.get("FLAWSCOPE_DATA")
    if data:
        report["repeatability"] = spread(tiles(Path(data), PARTS))
        segmenter = load(asked.weights, device="cpu")
        found = tiles(Path(data), ("test",), segmenter)
        report["network"] = {
            "weights": made_with(segmenter),
            "threshold": segmenter.threshold,
            "kinds": spread(found),
        }
    for table in (shapes_table, repeatability_table, network_table):
        print(table(report), end="\n\n")
    print(report["costs"])
    write_json(RESULTS, report)


if __name__ == "__main__":
    main()
