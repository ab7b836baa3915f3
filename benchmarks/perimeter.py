"""How right perimeters are on hundreds of drawn shapes, beside plain straight segments, and what pixels can say.

Run: ``python benchmarks/perimeter.py`` (three minutes of one core); writes ``benchmarks/results/perimeter.json`` and
prints the tables of ``docs/measuring.md``, which a test compares with it. Sizes, directions and places between pixels
come from a seed that chose nothing in the estimator. The floor of a shape: shapes of its kind that are drawn as the
very same pixels are looked for by chance steps, to the longest and to the shortest perimeter; no estimator can be
nearer to all of them than half the way between the two. The search may miss some, so the true floor is no lower.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.inspect.outlines import outlines
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.runs import Runs
from measuring import drawn

RESULTS = Path(__file__).parent / "results" / "perimeter.json"
SEED, EACH = 77, 100
PIXELS = ((1.0, 1.0), (1.0, 2.0), (1.0, 4.0), (4.0, 1.0), (0.5, 2.0))
"""Widths and heights of pixels, in mm, that bars are drawn with."""

TRIES = 1500

Shape = tuple[float, ...]
"""A bar: length, width, degrees, x, y. An arc: radius, width, first and last degrees, x, y."""


def bar(shape: Shape) -> Any:
    length, width, degrees, x, y = shape
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return lambda px, py: (
        (abs((px - x) * cos + (py - y) * sin) <= length / 2)
        & (abs((py - y) * cos - (px - x) * sin) <= width / 2)
    )


def arc(shape: Shape) -> Any:
    radius, width, first, last, x, y = shape

    def inside(px: Any, py: Any) -> Any:
        direction = (np.degrees(np.arctan2(py - y, px - x)) - first) % 360
        return (abs(np.hypot(px - x, py - y) - radius) <= width / 2) & (direction <= last - first)

    return inside


def around(radius: Callable[[Any], Any], x: float, y: float) -> tuple[Any, float]:
    """What lies inside a curve given by its radius in every direction, and the length of the curve."""
    turns = np.linspace(0, 2 * math.pi, 20_001)
    curve = radius(turns) * np.exp(1j * turns)
    return (
        lambda px, py: np.hypot(px - x, py - y) <= radius(np.arctan2(py - y, px - x)),
        float(abs(np.diff(curve)).sum()),
    )


def triangle(rng: np.random.Generator, radius: float, x: float, y: float) -> tuple[Any, float]:
    """Corners on a circle, none sharper than 25 degrees."""
    while True:
        points = radius * np.exp(1j * np.sort(rng.uniform(0, 2 * math.pi, 3)))
        ways = np.roll(points, -1) - points
        if (np.pi - abs(np.angle(ways / np.roll(ways, 1)))).min() > math.radians(25):
            break

    def inside(px: Any, py: Any) -> Any:
        off = (px - x) + 1j * (py - y)
        return np.all(
            [((off - p) * w.conjugate()).imag >= 0 for p, w in zip(points, ways, strict=True)], axis=0
        )

    return inside, float(abs(ways).sum())


def shapes() -> Iterator[tuple[str, Runs, float]]:
    """Kind, pixels and true perimeter."""
    rng = np.random.default_rng(SEED)
    for _ in range(EACH):
        length = rng.uniform(20, 150)
        width = rng.uniform(3, min(length, 60))
        side = int(math.hypot(length, width)) + 8
        x, y = middle(rng, side)
        yield "bars", drawn(bar((length, width, rng.uniform(0, 180), x, y)), side), 2 * (length + width)
        radius = rng.uniform(8, 80)
        width = rng.uniform(3, min(radius, 24))
        side = int(2 * radius + width) + 8
        x, y = middle(rng, side)
        first, span = rng.uniform(0, 360), math.radians(rng.uniform(60, 330))
        last = first + math.degrees(span)
        yield "arcs", drawn(arc((radius, width, first, last, x, y)), side), 2 * (span * radius + width)
        ring = arc((radius, width, 0, 360, x, y))
        yield "rings", drawn(ring, side), 4 * math.pi * radius
        disc, round_ = around(lambda _, r=radius: r, x, y)
        yield "discs", drawn(disc, side), round_
        narrow = rng.uniform(4 / radius, 1)
        turn = rng.uniform(0, math.pi)
        ellipse, round_ = around(
            lambda a, r=radius, n=narrow, t=turn: r * n / np.hypot(n * np.cos(a - t), np.sin(a - t)), x, y
        )
        yield "ellipses", drawn(ellipse, side), round_
        waves, high = int(rng.integers(2, 6)), rng.uniform(0.05, 0.2)
        radius = max(15.0, radius)
        side = int(2.4 * radius) + 8
        x, y = middle(rng, side)
        wavy, round_ = around(
            lambda a, r=radius, k=waves, h=high, t=turn: r * (1 + h * np.cos(k * (a - t))), x, y
        )
        yield "wavy outlines", drawn(wavy, side), round_
        three, round_ = triangle(rng, radius, x, y)
        yield "triangles", drawn(three, side), round_


def middle(rng: np.random.Generator, side: int) -> tuple[float, float]:
    x, y = side / 2 + rng.uniform(-0.5, 0.5, 2)
    return float(x), float(y)


def perimeters(runs: Runs) -> tuple[float, float]:
    """By plain straight segments from corner to corner, and as it is measured."""
    plain = measured = 0.0
    for outline in outlines(runs):
        ways = np.roll(outline.corners, -1, axis=0) - outline.corners
        plain += float(np.linalg.norm(ways, axis=1).sum())
        measured += float(np.linalg.norm(outline.sides, axis=1).sum())
    return plain, measured


def errors() -> list[dict[str, Any]]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    for kind, runs, known in shapes():
        found.setdefault(kind, []).append((*perimeters(runs), known))
    found["all"] = [one for each in found.values() for one in each]
    rows = []
    for kind, each in found.items():
        known = np.array(each)[:, 2]
        row: dict[str, Any] = {"kind": kind, "shapes": len(each)}
        for name, values in zip(("plain", "measured"), np.array(each).T, strict=False):
            off = values - known
            row[name] = {
                "bias": round(float(off.mean()), 2),
                "sd": round(float(off.std()), 2),
                "worst": round(float(abs(off).max()), 2),
                "beyond": int((abs(off) > np.maximum(1, 0.01 * known)).sum()),
            }
        rows.append(row)
    return rows


def oblong() -> list[dict[str, Any]]:
    """Errors in mm on bars of oblong pixels: fitted among the pixels and then stretched, and as measured."""
    rows = []
    for pixel in PIXELS:
        rng = np.random.default_rng(SEED)
        off = []
        for _ in range(EACH):
            length = rng.uniform(40, 150)
            width = rng.uniform(12, min(length, 60))
            side = 8 * math.ceil((math.hypot(length, width) + 16) / 8)
            shape = (length, width, rng.uniform(0, 180), *middle(rng, side))
            runs = drawn(bar(shape), side, pixel)
            stretched = [np.linalg.norm(one.sides * pixel, axis=1).sum() for one in outlines(runs)]
            fitted = [np.linalg.norm(one.sides, axis=1).sum() for one in outlines(runs, pixel)]
            off.append(np.array([sum(stretched), sum(fitted)]) - 2 * (length + width))
        row: dict[str, Any] = {"pixel": pixel, "shapes": EACH}
        for name, values in zip(("stretched", "measured"), np.array(off).T, strict=True):
            row[name] = {
                "bias": round(float(values.mean()), 2),
                "sd": round(float(values.std()), 2),
                "worst": round(float(abs(values).max()), 2),
            }
        rows.append(row)
    return rows


FLOORS: tuple[tuple[str, Callable[[Shape], Any], Shape], ...] = (
    ("arc of radius 20, width 4, 30 to 120 degrees", arc, (20, 4, 30, 120, 32, 32.3)),
    ("arc of radius 20, width 4, 200 to 290 degrees", arc, (20, 4, 200, 290, 32, 32.3)),
    ("arc of radius 20, width 8, 200 to 290 degrees", arc, (20, 8, 200, 290, 32, 32.3)),
    ("bar of 120 x 16 at 7 degrees", bar, (120, 16, 7, 72.3, 71.6)),
    ("bar of 90 x 50 at 45 degrees", bar, (90, 50, 45, 72.3, 71.6)),
    ("bar of 20.2 x 8.8 at 88 degrees", bar, (20.2, 8.8, 88, 32.3, 31.6)),
)


def perimeter_of(shape: Shape) -> float:
    if len(shape) == 5:
        return 2 * (shape[0] + shape[1])
    return 2 * (math.radians(shape[3] - shape[2]) * shape[0] + shape[1])


def floor(name: str, draw: Callable[[Shape], Any], shape: Shape) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    side = 64 if shape[-1] < 40 else 144
    steps = np.array([0.2, 0.2, 0.3, 0.2, 0.2] if len(shape) == 5 else [0.2, 0.2, 1, 1, 0.2, 0.2])
    same, known = pixels(drawn(draw(shape), side)), perimeter_of(shape)
    ends = []
    for sign in (-1, 1):
        best, size = np.array(shape), 1.0
        for _ in range(TRIES):
            tried = best + rng.normal(size=len(best)) * (rng.random(len(best)) < 0.5) * steps * size
            longer = sign * (perimeter_of(tuple(tried)) - perimeter_of(tuple(best))) > 0
            if longer and pixels(drawn(draw(tuple(tried)), side)) == same:
                best, size = tried, min(1.0, size * 1.5)
            else:
                size = max(0.02, size * 0.97)
        ends.append(perimeter_of(tuple(best)) - known)
    off = perimeters(drawn(draw(shape), side))[1] - known
    return {
        "shape": name,
        "known": round(known, 1),
        "shortest": round(ends[0], 2),
        "longest": round(ends[1], 2),
        "floor": round((ends[1] - ends[0]) / 2, 2),
        "measured": round(off, 2),
    }


def pixels(runs: Runs) -> bytes:
    return runs.rows.tobytes() + runs.starts.tobytes() + runs.ends.tobytes()


def errors_table(report: dict[str, Any]) -> str:
    """Bias, spread and worst error of the plain segments and of what is measured."""
    lines = [
        "| shapes | | plain segments: mean (sd) | worst | beyond | as measured: mean (sd) | worst | beyond |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in report["errors"]:
        cells = (
            f"{row[name]['bias']:+.2f} ({row[name]['sd']:.2f}) | {row[name]['worst']:.2f} | {row[name]['beyond']}"
            for name in ("plain", "measured")
        )
        lines.append(f"| {row['kind']} | {row['shapes']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def oblong_table(report: dict[str, Any]) -> str:
    """Bias, spread and worst error on oblong pixels."""
    lines = [
        "| pixel, mm | bars | stretched afterwards: mean (sd) | worst | as measured: mean (sd) | worst |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in report["oblong"]:
        cells = (
            f"{row[name]['bias']:+.2f} ({row[name]['sd']:.2f}) | {row[name]['worst']:.2f}"
            for name in ("stretched", "measured")
        )
        size = " x ".join(f"{side:g}" for side in row["pixel"])
        lines.append(f"| {size} | {row['shapes']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def floors_table(report: dict[str, Any]) -> str:
    """What shapes of the same pixels can measure."""
    lines = ["| shape | perimeter | of the same pixels | floor | measured |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {row['shape']} | {row['known']:.1f} | {row['shortest']:+.2f} to {row['longest']:+.2f} "
        f"| {row['floor']:.2f} | {row['measured']:+.2f} |"
        for row in report["floors"]
    ]
    return "\n".join(lines)


def main() -> None:
    report = {
        "machine": describe_machine(),
        "seed": SEED,
        "errors": errors(),
        "oblong": oblong(),
        "floors": [floor(*entry) for entry in FLOORS],
    }
    print(errors_table(report), oblong_table(report), floors_table(report), sep="\n\n")
    write_json(RESULTS, report)


def recorded() -> dict[str, Any]:
    report: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return report


if __name__ == "__main__":
    main()
