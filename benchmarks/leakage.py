"""How many copies ``flawscope data check`` names on real datasets, and how long it takes.

``python benchmarks/leakage.py`` needs the environment variable FLAWSCOPE_DATA; it writes results/leakage.json.
The last row compares 10,000 different drawn textures, for the time alone.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.check import check
from flawscope.data.leakage import find_pairs
from flawscope.data.likeness import likeness
from flawscope.data.samples import open_data
from flawscope.machine import describe_machine
from flawscope.outputs import write_json

SETS = (("neu-seg", None), ("sd-saliency-900", "sd-saliency-900"), ("magnetic-tile", "magnetic-tile"))
MANY = 10_000


def main() -> None:
    root = Path(os.environ["FLAWSCOPE_DATA"])
    rows = [measure(root / name, splits and root / "splits" / f"{splits}.json") for name, splits in SETS]
    result = {"machine": describe_machine(), "sets": rows, "many": compare_many(), "seed": 0}
    write_json(Path(__file__).parent / "results" / "leakage.json", result)


def measure(folder: Path, splits: Path | None) -> dict[str, Any]:
    started = time.perf_counter()
    report = check(open_data(folder, splits=splits))
    seconds = time.perf_counter() - started
    row = {
        "set": folder.name,
        "images": len(report.data),
        "seconds": round(seconds, 1),
        "pairs_across": Counter(pair.kind for pair in report.across()),
        "leaked": report.leaked(),
        "distinct_images": report.distinct,
    }
    print(row)
    return row


def compare_many() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    described = [
        likeness(np.repeat(rng.integers(0, 256, (64, 64, 1), dtype=np.uint8), 3, axis=2)) for _ in range(MANY)
    ]
    started = time.perf_counter()
    pairs = find_pairs(described, [None] * MANY)
    row = {
        "images": MANY,
        "pairs": len(pairs.pairs),
        "seconds_comparing": round(time.perf_counter() - started, 1),
    }
    print(row)
    return row


if __name__ == "__main__":
    main()
