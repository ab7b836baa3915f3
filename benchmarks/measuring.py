"""How right measures are on shapes of known size, what a defect costs, and how well measures repeat on real tiles.

Run: ``python benchmarks/measuring.py`` (FLAWSCOPE_DATA for the tiles; without it they are left as recorded); writes
``benchmarks/results/measuring.json`` and prints the tables of ``docs/measuring.md``, which a test compares with it.
Shapes are drawn by supersampling; a pixel belongs where half of it is covered. Tiles: the true masks of groups that
show one tile under several exposures, largest region of each; groups of one exposure say nothing and are left out.
"""

from __future__ import annotations

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

from flawscope.images import read_mask
from flawscope.inspect.measure import Measures, measure
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.results import find_defects
from flawscope.runs import Runs

RESULTS = Path(__file__).parent / "results" / "measuring.json"
FINE = 8
ANGLES = (0, 7, 15, 22.5, 30, 45, 60, 77)
BARS = ((120, 16), (120, 6), (100, 3), (90, 50))
RINGS = ((20, 4), (20, 8), (40, 12), (60, 6))
SPANS = ((0, 180), (30, 120), (20, 330), (200, 290))
NAMES = ("length_px", "width_mean_px", "width_max_px", "perimeter_px")


def drawn(inside: Any, side: int) -> Runs:
    y, x = np.mgrid[: side * FINE, : side * FINE]
    covered = inside((x + 0.5) / FINE - 0.5, (y + 0.5) / FINE - 0.5)
    return Runs.of_mask(covered.reshape(side, FINE, side, FINE).mean(axis=(1, 3)) >= 0.5)


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


def repeatability(root: Path) -> dict[str, Any]:
    entries = json.loads((root / "splits" / "magnetic-tile.json").read_text(encoding="utf-8"))
    groups: dict[tuple[str, str], dict[str, Measures]] = defaultdict(dict)
    for part in ("train", "val", "test"):
        for entry in entries.get(part, []):
            if not entry.get("mask") or entry.get("class") == "free":
                continue
            found = find_defects(read_mask(root / "magnetic-tile" / entry["mask"]), ("defect",))
            if found:
                exposure = Path(entry["image"]).name.split("_")[0]
                groups[entry["class"], entry["group"]].setdefault(exposure, measure(found[0]))
    kinds: dict[str, list[list[Measures]]] = defaultdict(list)
    for (kind, _), exposures in groups.items():
        if len(exposures) > 1:
            kinds[kind].append(list(exposures.values()))
    return {kind: spread(tiles) for kind, tiles in sorted(kinds.items())}


def spread(tiles: list[list[Measures]]) -> dict[str, Any]:
    """Medians over tiles of the standard deviation and coefficient of variation over exposures."""
    row: dict[str, Any] = {"tiles": len(tiles), "images": sum(len(tile) for tile in tiles)}
    for name in ("area_px", "length_px", "width_mean_px"):
        deviations = [(statistics.stdev(values), statistics.mean(values)) for values in
                      ([getattr(one, name) for one in tile] for tile in tiles)]  # fmt: skip
        row[name] = {
            "sd": round(statistics.median(sd for sd, _ in deviations), 2),
            "cv": round(statistics.median(sd / mean for sd, mean in deviations), 4),
        }
    return row


def shapes_table(report: dict[str, Any]) -> str:
    """Largest errors on shapes of known size."""
    lines = ["| shape | length | mean width | largest width | perimeter |", "|---|---:|---:|---:|---:|"]
    for row in report["shapes"]:
        cells = (f"{row[name]['pixels']:.2f} px, {row[name]['share']:.1%}" for name in NAMES)
        lines.append(f"| {row['shape']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def repeatability_table(report: dict[str, Any]) -> str:
    """Spread over exposures."""
    lines = ["| kind | tiles | images | area | length | mean width |", "|---|---:|---:|---:|---:|---:|"]
    for kind, row in report["repeatability"].items():
        cells = (
            f"{row[name]['sd']:.1f} ({row[name]['cv']:.1%})"
            for name in ("area_px", "length_px", "width_mean_px")
        )
        lines.append(f"| {kind} | {row['tiles']} | {row['images']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    cv2.setNumThreads(1)
    report: dict[str, Any] = {
        "machine": describe_machine(),
        "threads": 1,
        "shapes": known_shapes(),
        "costs": costs(),
    }
    data = os.environ.get("FLAWSCOPE_DATA")
    if data:
        report["repeatability"] = repeatability(Path(data))
    elif RESULTS.is_file():
        report["repeatability"] = json.loads(RESULTS.read_text(encoding="utf-8"))["repeatability"]
    for table in (shapes_table, repeatability_table):
        print(table(report), end="\n\n")
    print(report["costs"])
    write_json(RESULTS, report)


if __name__ == "__main__":
    main()
