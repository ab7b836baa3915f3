"""What one round of the filter bank costs, filter by filter, and how far fast WLS is from exact WLS.

Run: ``python benchmarks/filter_bank.py [--repeats N]``; writes ``benchmarks/results/filter_bank.json`` and prints the
tables of ``docs/enhance.md``, which a test compares with it. One thread, drawn images of 200 x 200. Times are medians
of CPU time, which a busy machine lengthens less than time by the clock; the least of the latter stands beside them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from flawscope.data.synthetic import SURFACES, draw
from flawscope.enhance import FILTERS, FilterBank, Plane, bank, normalize, to_plane
from flawscope.enhance.wls import wls, wls_exact
from flawscope.machine import describe_machine
from flawscope.outputs import write_json

SIZE, SEEDS, WARM_UP = 200, range(9), 10
STRENGTHS = (0.125, 1.0, 8.0)
RESULTS = Path(__file__).parent / "results" / "filter_bank.json"


def timed(action: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(min(WARM_UP, repeats)):
        action()
    computed, passed = [], []
    for _ in range(repeats):
        cpu, clock = time.process_time(), time.perf_counter()
        action()
        computed.append(time.process_time() - cpu)
        passed.append(time.perf_counter() - clock)
    return {
        "median_cpu_ms": round(statistics.median(computed) * 1e3, 3),
        "min_clock_ms": round(min(passed) * 1e3, 3),
    }


def a_round(chosen: FilterBank, plane: Plane, repeats: int) -> dict[str, float]:
    equal = normalize(np.ones(len(chosen)))
    return timed(lambda: chosen.mix(plane, equal), repeats)


def alternatives(plane: Plane, repeats: int) -> dict[str, dict[str, float]]:
    """Other ways to a filter, and why they are not the bank's."""
    sixteen = np.rint(plane * 65535).astype(np.uint16)
    clahe = cv2.createCLAHE(2.0, (8, 8))
    return {
        "clahe_opencv_16_bits": timed(lambda: clahe.apply(sixteen), repeats),
        "median_7_exact_scipy": timed(
            lambda: ndimage.median_filter(plane, 7, mode="nearest"), max(3, repeats // 20)
        ),
    }


def differences(planes: list[Plane], strength: float) -> dict[str, float]:
    """Means over images, in grey levels of 255."""
    rows = []
    for plane in planes:
        exact = wls_exact(plane, strength)
        apart = np.abs(wls(plane, strength) - exact) * 255
        rows.append((apart.mean(), np.percentile(apart, 99), np.abs(plane - exact).mean() * 255))
    mean, high, moved = np.mean(rows, axis=0)
    return {
        "lambda": strength,
        "mean_difference_levels": round(float(mean), 2),
        "p99_difference_levels": round(float(high), 2),
        "exact_changes_image_by_levels": round(float(moved), 2),
    }


def measure(repeats: int) -> dict[str, Any]:
    images = [draw(seed, SIZE, SIZE, surface=SURFACES[seed % len(SURFACES)])[0] for seed in SEEDS]
    planes = [to_plane(image) for image in images]
    plane, default = planes[0], bank()
    exact = bank(filters=["wls-exact" if name == "wls" else name for name in default.names])
    alone = {
        name: timed(lambda one=kind.function: one(plane), repeats)
        for name, kind in FILTERS.items()
        if name != "wls-exact"
    }
    alone["wls-exact"] = timed(lambda: wls_exact(plane), max(3, repeats // 20))
    whole = a_round(default, plane, repeats)
    naive = a_round(exact, plane, max(3, repeats // 20))
    return {
        "size": SIZE,
        "seeds": list(SEEDS),
        "repeats": repeats,
        "round_of_default": whole,
        "share_of_round": {
            name: round(alone[name]["median_cpu_ms"] / whole["median_cpu_ms"], 3) for name in default.names
        },
        "round_of_all": a_round(bank("all"), plane, repeats),
        "round_of_paper": a_round(bank("paper"), plane, repeats),
        "round_with_exact_wls": naive,
        "exact_over_fast_round": round(naive["median_cpu_ms"] / whole["median_cpu_ms"], 1),
        "filters": alone,
        "not_taken": alternatives(plane, repeats),
        "wls_fast_against_exact": [differences(planes, strength) for strength in STRENGTHS],
    }


def times_table(report: dict[str, Any]) -> str:
    """Milliseconds of each filter and its share of a round, as in ``docs/enhance.md``."""
    lines = ["| filter | ms | share of a round of `default` |", "|---|---:|---:|"]
    for name, measured in report["filters"].items():
        share = report["share_of_round"].get(name)
        told = "" if share is None else f"{share:.0%}"
        lines.append(f"| `{name}` | {measured['median_cpu_ms']:.2f} | {told} |")
    return "\n".join(lines)


def rounds_table(report: dict[str, Any]) -> str:
    """Milliseconds of a round of each bank."""
    lines = ["| one round of | ms |", "|---|---:|"]
    for key, title in (
        ("round_of_default", "`default`"),
        ("round_of_all", "`all`"),
        ("round_of_paper", "`paper`"),
        ("round_with_exact_wls", "`default` with `wls-exact`"),
    ):
        lines.append(f"| {title} | {report[key]['median_cpu_ms']:.1f} |")
    return "\n".join(lines)


def wls_table(report: dict[str, Any]) -> str:
    """How far fast WLS is from exact WLS."""
    lines = [
        "| `lambda_` | mean difference | 99 % of pixels within | exact WLS itself changes the image by |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['lambda']:g} | {row['mean_difference_levels']:.2f} | {row['p99_difference_levels']:.1f} "
        f"| {row['exact_changes_image_by_levels']:.2f} |"
        for row in report["wls_fast_against_exact"]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    cv2.setNumThreads(1)
    report = {"machine": describe_machine(), "threads": 1, **measure(parser.parse_args().repeats)}
    for table in (rounds_table, times_table, wls_table):
        print(table(report), end="\n\n")
    write_json(RESULTS, report)


if __name__ == "__main__":
    main()
