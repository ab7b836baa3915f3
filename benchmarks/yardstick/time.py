"""How much faster this package's torch network is than the yardstick, same weights, in one run.

Run: ``python benchmarks/yardstick/time.py [--threads 2] [--repeats 30] [--json]``. The two alternate, so that a busy
machine slows both; times are medians of one forward pass at 352x352, batch 1, fp32. Weights and image are random.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from pathlib import Path
from typing import Any

import ocinet_as_published
import torch

from flawscope import nets
from flawscope.machine import describe_machine
from flawscope.nets.inference import for_inference

SIZE, WARM_UP, SEED = 352, 3, 0


def measure(repeats: int) -> dict[str, Any]:
    torch.manual_seed(SEED)
    ours = nets.build("ocinet").eval()
    yardstick = ocinet_as_published.load_yardstick(ours.state_dict())
    ours = for_inference(ours)
    image = torch.randn(1, 3, SIZE, SIZE)
    seconds: dict[str, list[float]] = {"yardstick": [], "flawscope": []}
    with torch.inference_mode():
        expected, computed = yardstick(image), ours(image)
        for turn in range(WARM_UP + repeats):
            for name, net in (("yardstick", yardstick), ("flawscope", ours)):
                started = time.perf_counter()
                net(image)
                if turn >= WARM_UP:
                    seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "median_ms": {name: round(median * 1e3, 1) for name, median in medians.items()},
        "min_ms": {name: round(min(values) * 1e3, 1) for name, values in seconds.items()},
        "times_as_fast": round(medians["yardstick"] / medians["flawscope"], 3),
        "largest_relative_difference": max(
            float((one - other).abs().max() / one.abs().max())
            for one, other in zip(expected, computed, strict=True)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args()
    if options.threads < 1 or options.repeats < 1:
        parser.error("--threads and --repeats start at 1")
    torch.set_num_threads(options.threads)
    text = Path(ocinet_as_published.__file__).read_text(encoding="utf-8")
    machine = describe_machine()
    report = {
        "machine": machine,
        "threads": options.threads,
        "repeats": options.repeats,
        "size": SIZE,
        "seed": SEED,
        "yardstick_sha256": hashlib.sha256(text.encode()).hexdigest(),
        **measure(options.repeats),
    }
    if options.json:
        print(json.dumps(report, indent=2))
        return
    times = report["median_ms"]
    print(
        f"yardstick {times['yardstick']} ms, flawscope {times['flawscope']} ms: "
        f"{report['times_as_fast']} times as fast (medians of {options.repeats}, {options.threads} threads, "
        f"outputs within {report['largest_relative_difference']:.1e})"
    )


if __name__ == "__main__":
    main()
