"""How fast networks are once exported, beside the paper's network as published, and what they still say.

    python benchmarks/deployed.py export --full W [--nano W] --data ROOT --work DIR
    python benchmarks/deployed.py time --full W --data ROOT --work DIR [--threads 2] [--repeats 30]
    python benchmarks/deployed_page.py

``export`` writes every network in fp32, bf16 and int8 with its parity report: ``ocinet-tiny`` as shipped,
``ocinet-nano`` as shipped or any trained one with ``--nano``, and ``--full`` any trained ``ocinet``, which is held to
label agreement. ``tiny`` is judged on steel; ``nano`` must pass on test images of steel and tile together, and is
then judged on steel and on defective tiles apart. Both are calibrated on training images of the split. ``time`` lets
the yardstick and all exports of one size run in turns. Results go to ``benchmarks/results/deployed.json``;
``deployed_page.py`` renders ``docs/speed.md`` from them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flawscope.errors import FlawscopeError
from flawscope.export import parity
from flawscope.export.command import export_checked
from flawscope.export.request import Data, Wanted
from flawscope.export.shown import find_samples, read_all, spread
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment import load
from flawscope.segment.header import Precision
from flawscope.speed import Timing, alternate, asking, enough, folder_rate, peak, stage_times
from flawscope.speed.floor import multiply_adds

sys.path.insert(0, str(Path(__file__).parent / "yardstick"))

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "deployed.json"
TINY, NANO = (
    ROOT / "src" / "flawscope" / "weights" / f"ocinet-{name}.safetensors" for name in ("tiny", "nano")
)
BOTH = ROOT / "benchmarks" / "datasets" / "steel_and_tile.yaml"
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")
IMAGES = 60
STEEL_TEST = "SD-saliency-900, test"
IMAGES_OF = {"full": "SD-saliency-900, without masks", "tiny": STEEL_TEST, "nano": "steel and tile, test"}
CALIBRATED_ON = {
    "full": "other images of SD-saliency-900, without masks",
    "tiny": "training images of SD-saliency-900",
    "nano": "training images of steel and tile",
}
SIZES = {"full": 352, "tiny": 352, "nano": 224}
YARDSTICK, TORCH, AT_ONCE = "yardstick", "torch", " several at once"


def export(
    weights: dict[str, Path], precisions: Sequence[Precision], data: Path, work: Path
) -> dict[str, Any]:
    os.environ["FLAWSCOPE_DATA"] = str(data)  # where BOTH looks
    steel = Data(data / "sd-saliency-900", data / "splits" / "sd-saliency-900.json", "test", IMAGES)
    shown = {
        "tiny": steel,
        "nano": Data(BOTH, split="test", images=IMAGES),
        "full": Data(data / "sd-saliency-900" / "Source Images", images=IMAGES),
    }
    reports: dict[str, Any] = {}
    for name, file in weights.items():
        for precision in precisions:
            judged = shown[name]
            if precision == "int8" and name != "full":
                judged = replace(judged, int8_split="train")
            wanted = Wanted("openvino", precision, imgsz=(SIZES[name], SIZES[name]))
            out = work / f"{name}-{precision}.xml"
            print(f"{out.name} ...", flush=True)
            try:
                report = export_checked(file, out, wanted, judged).to_json()
            except FlawscopeError as error:
                reports[f"{name}-{precision}"] = {"failed": str(error).replace(str(work), "WORK")}
                continue
            reports[f"{name}-{precision}"] = {
                "bytes": report["bytes"],
                "imgsz": SIZES[name],
                "parity": report["parity"],
                "quantised": report["quantised"],
                "images_of": IMAGES_OF[name],
            }
            if precision == "int8":
                reports[f"{name}-{precision}"]["calibrated_on"] = CALIBRATED_ON[name]
            print(json.dumps(reports[f"{name}-{precision}"]["parity"]), flush=True)
            if name == "nano":
                reports |= apart(f"{name}-{precision}", reports[f"{name}-{precision}"], file, out, data)
    return reports


def apart(name: str, row: dict[str, Any], source: Path, exported: Path, data: Path) -> dict[str, Any]:
    """The rows of a network on steel and on defective tiles by themselves, judged by the same gate."""
    before, after = load(source, device="cpu"), load(exported, device="cpu")
    header = before.header.model_copy(update={"imgsz": after.header.imgsz})
    before.engine.header = header  # type: ignore[misc]  # answers at the size of the export
    rows = {}
    for part, folder, images_of in (
        ("steel", "sd-saliency-900", STEEL_TEST),
        ("tile", "magnetic-tile", "magnetic tile, test, defective"),
    ):
        samples = find_samples(data / folder, splits=data / "splits" / f"{folder}.json", split="test")
        defective = [sample for sample in samples if sample.read()[1].any()]
        found = parity(before, after, read_all(spread(defective, IMAGES)[0]))
        facts = {**row, "parity": found.to_json(), "images_of": images_of}
        complaint = found.complaint(after.header.precision)
        rows[f"{name}-{part}"] = facts | ({} if complaint is None else {"complaint": complaint})
        print(images_of, json.dumps(facts["parity"]), complaint or "", flush=True)
    return rows


def turns(
    work: Path, full: Path, threads: int, repeats: int
) -> tuple[dict[str, dict[str, Timing]], dict[str, dict[str, float]]]:
    """Times of the networks of one size in turns, the full ones with the yardstick among them.

    And images a second of each export that answers several images at once, as ``predict`` asks it to.
    """
    import ocinet_as_published
    import torch

    from flawscope.segment.network import load_network

    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, Timing]] = {}
    rates: dict[str, dict[str, float]] = {}
    for name, side in SIZES.items():
        batch = rng.standard_normal((1, 3, side, side)).astype(np.float32)
        actions: dict[str, Any] = {}
        images: dict[str, int] = {}
        if name == "full":
            yardstick = ocinet_as_published.load_yardstick(load_network(full).state_dict())
            ours = load(full, device="cpu", threads=threads)

            actions = {
                YARDSTICK: inferring(yardstick, torch.from_numpy(batch)),
                TORCH: partial(ours.engine.run, batch),
            }
        for precision in PRECISIONS:
            file = work / f"{name}-{precision}.xml"
            if file.is_file():
                actions[precision] = asking(load(file, threads=threads))
                many = load(file, threads=threads, throughput=True)
                images[precision] = enough(many)
                actions[precision + AT_ONCE] = asking(many, images[precision])
        timings = alternate(actions, repeats)
        found[name] = {kind: timing for kind, timing in timings.items() if not kind.endswith(AT_ONCE)}
        rates[name] = {kind: count / timings[kind + AT_ONCE].median for kind, count in images.items()}
    return found, rates


def inferring(network: Any, image: Any) -> Callable[[], None]:
    import torch

    @torch.inference_mode()
    def once() -> None:
        network(image)

    return once


def measure(work: Path, data: Path, full: Path, threads: int, repeats: int) -> dict[str, Any]:
    cv2.setNumThreads(threads)
    rows: dict[str, Any] = {}
    # the clock of the cores wanders: the peak is the best of what was seen before and after
    before = {precision: peak(precision, threads) for precision in PRECISIONS}
    timed, rates = turns(work, full, threads, repeats)
    peaks = {precision: max(rate, peak(precision, threads)) for precision, rate in before.items()}
    for name, timings in timed.items():
        for kind, timing in timings.items():
            row = {**timing.to_json(), "images_per_second": round(1 / timing.median, 1)}
            if YARDSTICK in timings:
                row["times_yardstick"] = round(timings[YARDSTICK].median / timing.median, 2)
            if kind in rates[name]:
                row["several_at_once_per_second"] = round(rates[name][kind], 1)
                if YARDSTICK in timings:
                    several = timings[YARDSTICK].median * rates[name][kind]
                    row["several_at_once_times_yardstick"] = round(several, 2)
            file = full if kind in (YARDSTICK, TORCH) else work / f"{name}-{kind}.xml"
            operations = multiply_adds(load(file, threads=threads).header)
            if operations is not None and kind != YARDSTICK:
                best = peaks[kind if kind in peaks else "fp32"]
                floor = operations * (SIZES[name] ** 2 / load(file).header.imgsz[0] ** 2) / best
                row |= {"floor_ms": round(1e3 * floor, 2), "times_floor": round(timing.median / floor, 2)}
            rows[f"{name}-{kind}"] = row
    best = next(f"full-{kind}" for kind in ("int8", "bf16", "fp32") if (work / f"full-{kind}.xml").is_file())
    segmenter = load(work / f"{best}.xml", threads=threads)
    images = sorted(str(file) for file in (data / "sd-saliency-900").rglob("*.bmp"))[:200]
    images = images or sorted(str(file) for file in (data / "sd-saliency-900").rglob("*.png"))[:200]
    with tempfile.TemporaryDirectory() as scratch:
        stages = stage_times(segmenter, Path(images[0]), Path(scratch), repeats)
    folders = {}
    for kind in PRECISIONS:
        if not (work / f"full-{kind}.xml").is_file():
            continue
        network = load(work / f"full-{kind}.xml", threads=threads, throughput=True)
        count = enough(network)
        alone = {"run": asking(network, count)}
        first = alternate(alone, repeats // 4 + 1)["run"]
        rate = folder_rate(network, images)
        last = alternate(alone, repeats // 4 + 1)["run"]
        per_second = 2 * count / (first.median + last.median)
        folders[kind] = {
            **rate.to_json(),
            "network_alone_per_second": round(per_second, 2),
            "share": round(rate.per_second / per_second, 3),
        }
    return {
        "machine": describe_machine(),
        "threads": threads,
        "repeats": repeats,
        "peak_multiply_adds_per_second": {name: round(value) for name, value in peaks.items()},
        "networks": rows,
        "stages": {"of": best, "times": {name: timing.to_json() for name, timing in stages.items()}},
        "predict": folders,
    }


def replaced(name: str, made: dict[str, Any]) -> bool:
    """Whether a row of an earlier run is one of these, or a part of one."""
    return any(name == new or name.startswith(f"{new}-") for new in made)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("export", "time"))
    parser.add_argument("--full", type=Path, required=True)
    parser.add_argument("--nano", type=Path)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--only", choices=tuple(SIZES), help="export this network alone")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    report = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if options.action == "export":
        options.work.mkdir(parents=True, exist_ok=True)
        nano = options.nano or (NANO if NANO.is_file() else None)
        weights = {"full": options.full, "tiny": TINY} | ({"nano": nano} if nano else {})
        if options.only:
            weights = {options.only: weights[options.only]}
        made = export(weights, options.precisions, options.data, options.work)
        kept = {name: row for name, row in report.get("export", {}).items() if not replaced(name, made)}
        report["export"] = {**kept, **made}
        report["export_machine"] = describe_machine()
    else:
        report["time"] = measure(options.work, options.data, options.full, options.threads, options.repeats)
    write_json(RESULT, report)


if __name__ == "__main__":
    main()
