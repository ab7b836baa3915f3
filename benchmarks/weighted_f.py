"""Weighted F-measure: ours against PySODMetrics, side by side on 200x200 maps.

PySODMetrics wants another OpenCV wheel, so it lives in an interpreter of its own:

    python -m venv peer && peer/bin/pip install pysodmetrics==1.6.2 opencv-python-headless
    python benchmarks/weighted_f.py --peer-python peer/bin/python

Both measure the same 64-bit maps, turn by turn, each in a process of its own; the median time a map over all
rounds counts, by the clock and by the processor (all threads), and every value must agree to 1e-6.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from flawscope.machine import describe_machine

HERE = Path(__file__).parent
SIZE = 200

WORKER = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
which, file = sys.argv[1:]
stored = np.load(file)
maps, truths = stored["maps"], stored["truths"]
if which == "ours":
    from flawscope.metrics import weighted_f as measure
else:
    from py_sod_metrics import WeightedFmeasure
    meter = WeightedFmeasure()
    def measure(soft, true):
        meter.step(soft, true, normalize=False)
        return meter.weighted_fms.pop()
for soft, true in zip(maps[:4], truths[:4]):
    measure(soft, true)
print("ready", flush=True)
for _ in sys.stdin:
    values, seconds, busy = [], [], []
    for soft, true in zip(maps, truths):
        started, busy_before = time.perf_counter(), time.process_time()
        values.append(float(measure(soft, true)))
        busy.append(time.process_time() - busy_before)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"values": values, "seconds": seconds, "busy": busy}), flush=True)
"""

VERSIONS = """
import importlib.metadata as m, json, platform
names = ("pysodmetrics", "numpy", "scipy", "opencv-python-headless", "opencv-python")
found = {d.metadata["Name"].lower(): d.version for d in m.distributions()}
print(json.dumps({"python": platform.python_version(), **{n: found[n] for n in names if n in found}}))
"""


def draw_maps(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Soft maps and truths as in inspection: patches, scratches and pits; blurred, shifted, noisy answers."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    maps, truths = [], []
    for number in range(count):
        distance = np.full((SIZE, SIZE), np.inf)
        for _ in range(generator.integers(1, 5)):
            cy, cx = generator.uniform(10, SIZE - 10, 2)
            angle = generator.uniform(0, np.pi)
            along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
            across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
            length, width = ((60, 3), (25, 18), (6, 6))[number % 3] * generator.uniform(0.6, 1.5, 2)
            distance = np.minimum(distance, np.hypot(along / length, across / width) - 1)
        truths.append(distance < 0)
        moved = np.roll(distance, generator.integers(-2, 3, 2), (0, 1))
        soft = 1 / (1 + np.exp(np.clip(moved * generator.uniform(8, 30), -50, 50)))
        maps.append(np.clip(soft + generator.normal(0, 0.03, soft.shape), 0, 1))
    return np.stack(maps), np.stack(truths)


def main() -> None:
    """Run the rounds and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter with pysodmetrics installed")
    parser.add_argument("--maps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "weighted_f.json")
    chosen = parser.parse_args()
    maps, truths = draw_maps(chosen.maps, chosen.seed)
    interpreters = {"ours": sys.executable, "peer": chosen.peer_python}
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    busy: dict[str, list[float]] = {"ours": [], "peer": []}
    values: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "maps.npz"
        np.savez(file, maps=maps, truths=truths)
        workers = {
            which: subprocess.Popen(
                [interpreter, "-c", WORKER, which, str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for which, interpreter in interpreters.items()
        }
        for worker in workers.values():
            assert worker.stdout is not None
            assert worker.stdout.readline().strip() == "ready"
        for number in range(chosen.rounds):
            order = ("ours", "peer") if number % 2 == 0 else ("peer", "ours")
            for which in order:
                worker = workers[which]
                assert worker.stdin is not None
                assert worker.stdout is not None
                worker.stdin.write("go\n")
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                seconds[which] += answer["seconds"]
                busy[which] += answer["busy"]
                values[which] = answer["values"]
        for worker in workers.values():
            worker.communicate()
    difference = float(np.abs(np.array(values["ours"]) - np.array(values["peer"])).max())
    if difference > 1e-6:
        raise SystemExit(f"the values differ by up to {difference:g}")
    clock = {which: statistics.median(times) * 1e3 for which, times in seconds.items()}
    processor = {which: statistics.median(times) * 1e3 for which, times in busy.items()}
    versions = subprocess.run(
        [chosen.peer_python, "-c", VERSIONS], capture_output=True, text=True, check=True
    )
    report = {
        "benchmark": "weighted F-measure, one 200x200 map",
        "maps": chosen.maps,
        "rounds": chosen.rounds,
        "seed": chosen.seed,
        "median_ms": {which: round(value, 4) for which, value in clock.items()},
        "times_faster": round(clock["peer"] / clock["ours"], 2),
        "median_processor_ms": {which: round(value, 4) for which, value in processor.items()},
        "times_less_processor": round(processor["peer"] / processor["ours"], 2),
        "largest_difference": difference,
        "peer": json.loads(versions.stdout),
        "machine": describe_machine(),
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
