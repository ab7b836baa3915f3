"""Strips: memory and speed of streaming and of the whole command, IoU tiled and untiled, and what the gate misses.

Run: ``python benchmarks/strips.py [--threads N]``, or single parts with ``stream``, ``command``, ``iou``, ``gate``;
``--sample N`` takes every N-th image and one N-th of the rows, for a look on a busy machine; ``--rows`` is how many
rows ``command`` inspects. ``iou`` and ``gate`` need the environment variable FLAWSCOPE_DATA. Writes
``benchmarks/results/strips.json`` and the figures in ``docs/strips.md``.

The two photograph sets are no strips. Magnetic-tile images (about 200 to 400 px a side) are larger than the
network's 224 px input and are tiled as they are. Steel images (200 px) are composed, 16 at a time, into mosaics of
800 x 800 px; each image is then scored on its own part of the mosaic's mask, beside the answer to the image alone.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.samples import Sample, SegmentationData, open_data
from flawscope.inspect.strip import inspect_strip
from flawscope.inspect.strip_gate import Gate
from flawscope.inspect.strip_source import FileRows
from flawscope.machine import describe_machine
from flawscope.outputs import write_json, write_text
from flawscope.segment import Prompts, Segmentation, Tiled, binarize, load
from flawscope.segment.tiled import tile_starts

HERE = Path(__file__).parent
RESULT, PAGE = HERE / "results" / "strips.json", HERE.parent / "docs" / "strips.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

WIDTH, ROWS, NETWORK_ROWS, COMMAND_ROWS = 8192, 100_000, 5_000, 20_000
MM_PER_PX, LONG_MM, LARGE_MM2 = 0.1, 20, 25
SIDE, OVERLAPS = 224, (0, 28, 56, 84, 112)
LEVELS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


class Bright:
    """Costs nothing: the probability of a defect is the grey value."""

    name, labels, threshold = "bright", ("bright",), 0.5

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        """Grey as probability."""
        del prompts
        return Segmentation((image[:, :, 0].astype(np.float32) / 255)[None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["stream", "command", "iou", "gate"])
    parser.add_argument("--sample", type=int, default=1, metavar="N")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network")
    parser.add_argument("--rows", type=int, default=COMMAND_ROWS, help="rows that the command inspects")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(stream_once(*options.child, options.threads)))
        return
    report: dict[str, Any] = {}
    for part in options.parts:
        whole = functools.partial(command, options.rows)
        measure = {"stream": stream, "command": whole, "iou": iou, "gate": gate}[part]
        measured = {
            "machine": describe_machine(),
            "threads": options.threads,
            "sample": options.sample,
            **measure(options.sample, options.threads),
        }
        report = (json.loads(RESULT.read_text()) if RESULT.exists() else {}) | {part: measured}
        write_json(RESULT, report)
        print(json.dumps(report[part], indent=1))
    if {"stream", "iou", "gate"} <= report.keys():
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        write_text(PAGE, f"{before}{BEGIN}\n{figures(report)}\n{END}{rest.partition(END)[2]}")


def stream(sample: int, threads: int) -> dict[str, Any]:
    """Each run in a process of its own, whose peak memory is all that it ever held."""
    answer: dict[str, Any] = {"width": WIDTH}
    for name, rows in (("bright", ROWS // sample), ("ocinet-tiny", NETWORK_ROWS // sample)):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "strip.raw"
            draw_strip(file, rows)
            arguments = [
                sys.executable,
                __file__,
                "--threads",
                str(threads),
                "--child",
                name,
                str(file),
                folder,
            ]
            done = subprocess.run(arguments, check=True, capture_output=True, text=True)
            answer[name] = json.loads(done.stdout)
    return answer


def command(rows: int, sample: int, threads: int) -> dict[str, Any]:
    """``flawscope inspect`` as a person calls it, report included, in a process of its own."""
    rows //= sample
    program = [sys.executable, "-m", "flawscope"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_strip(folder / "coil.raw", rows)
        for line in (
            f"calibration new --id bench --x {MM_PER_PX} --out bench.yaml",
            f"rules new --length-mm {LONG_MM} --area-mm2 {LARGE_MM2} --out rules.yaml",
        ):
            subprocess.run([*program, *line.split()], cwd=folder, check=True, capture_output=True)
        line = (
            f"inspect coil.raw --strip --width {WIDTH} --rows {rows} --weights ocinet-tiny --rules rules.yaml "
            "--calibration bench.yaml --report --out found"
        )
        with (folder / "said.txt").open("w") as said:
            started = time.perf_counter()
            process = subprocess.Popen(
                [*program, *line.split(), "--threads", str(threads)],
                cwd=folder,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit((folder / "said.txt").read_text())
        (record,) = (
            json.loads(each) for each in (folder / "found" / "results.jsonl").read_text().splitlines()
        )
        return {
            "line": f"flawscope {line}",
            "width": WIDTH,
            "rows": record["height"],
            "peak_mib": round(used.ru_maxrss / 1024),
            "seconds": round(seconds, 1),
            "rows_a_second": round(record["height"] / seconds, 1),
            "rows_a_processor_second": round(record["height"] / (used.ru_utime + used.ru_stime), 1),
            "defects": len(record["defects"]),
            "with_contrast": sum(defect["contrast"] is not None for defect in record["defects"]),
            "longest_defect_rows": max((defect["box"][3] for defect in record["defects"]), default=0),
            "exit_code": process.returncode,
            "verdict": record["verdict"]["outcome"],
            "page_mib": round((folder / "found" / "report.html").stat().st_size / 2**20, 2),
        }


def draw_strip(file: Path, rows: int) -> None:
    """Noise around grey 90, 200 bright scratches a row that wander, and one along the whole strip."""
    rng = np.random.default_rng(0)
    starts = np.arange(200) * 40 + 8
    with file.open("wb") as opened:
        for top in range(0, rows, 500):
            block = rng.integers(80, 100, (min(500, rows - top), WIDTH), dtype=np.uint8)
            long = rng.random(200) < 0.5
            for column in (starts[long] + rng.integers(0, 20, long.sum())).tolist():
                block[:450, column : column + 4] = 220
            block[:, 4] = 220
            opened.write(block.tobytes())


def stream_once(name: str, file: str, folder: str, threads: int) -> dict[str, Any]:
    segmenter = Bright() if name == "bright" else load(name, device="cpu", threads=threads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, processor = time.perf_counter(), time.process_time()
    result = inspect_strip(
        Tiled(segmenter, SIDE), FileRows(Path(file), (None, WIDTH), np.uint8), Path(folder, "out")
    )
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    longest = max((record["box"][3] for record in result.records()), default=0)
    return {
        "rows": result.rows,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "mib_before": round(before / 1024),
        "rows_a_second": round(result.rows / seconds, 1),
        "rows_a_processor_second": round(result.rows / processor, 1),
        "regions": sum(result.counts.values()),
        "longest_region_rows": longest,
    }


def data(name: str, split: str) -> SegmentationData:
    root = Path(os.environ["FLAWSCOPE_DATA"])
    return open_data(root / name, splits=root / "splits" / f"{name}.json").split(split)


def read(item: Sample) -> tuple[np.ndarray, np.ndarray]:
    image, mask = item.read()
    return image, mask > 0


def iou(sample: int, threads: int) -> dict[str, Any]:
    network = load("ocinet-tiny", device="cpu", threads=threads)
    ways = {"whole": network} | {str(overlap): Tiled(network, SIDE, overlap) for overlap in OVERLAPS}
    return {
        "threshold": network.threshold,
        "default_overlap": Tiled(network).overlap,
        "magnetic-tile": scored(ways, tile_scenes(sample)),
        "sd-saliency-900": scored(
            ways, mosaics(sample), alone=lambda image: network.segment(image).probability
        ),
    }


Scene = list[tuple[np.ndarray, np.ndarray, slice, slice]]


def tile_scenes(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """Each defective test image by itself."""
    for item in data("magnetic-tile", "test").samples[::sample]:
        image, truth = read(item)
        if truth.any():
            yield image, [(image, truth, slice(None), slice(None))]


def mosaics(sample: int) -> Iterator[tuple[np.ndarray, Scene]]:
    """16 test images of 200 x 200 in a square, all kinds mixed."""
    items = data("sd-saliency-900", "test").samples
    order = np.random.default_rng(0).permutation(len(items))[::sample]
    for first in range(0, len(order) - 15, 16):
        canvas, scene = np.zeros((800, 800, 3), np.uint8), []
        for place, index in enumerate(order[first : first + 16]):
            top, left = 200 * (place // 4), 200 * (place % 4)
            rows, columns = slice(top, top + 200), slice(left, left + 200)
            image, truth = read(items[index])
            canvas[rows, columns] = image
            scene.append((image, truth, rows, columns))
        yield canvas, scene


def scored(
    ways: dict[str, Any],
    scenes: Iterator[tuple[np.ndarray, Scene]],
    alone: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, Any]:
    """Image-mean and pooled IoU of each way to segment the scenes."""
    counts: dict[str, list[tuple[int, int]]] = {}
    level = ways["whole"].threshold
    for canvas, scene in scenes:
        masks = {name: binarize(way.segment(canvas).probability, level) > 0 for name, way in ways.items()}
        for image, truth, rows, columns in scene:
            parts = {name: mask[rows, columns] for name, mask in masks.items()}
            if alone is not None:
                parts["alone"] = binarize(alone(image), level) > 0
            for name, mask in parts.items():
                both, either = np.count_nonzero(mask & truth), np.count_nonzero(mask | truth)
                counts.setdefault(name, []).append((both, either))
    return {
        name: {
            "images": len(pairs),
            "iou_fg_image_mean": round(
                float(np.mean([both / either for both, either in pairs if either])), 4
            ),
            "iou_fg_pooled": round(sum(p[0] for p in pairs) / max(1, sum(p[1] for p in pairs)), 4),
        }
        for name, pairs in counts.items()
    }


def gate(sample: int, _threads: int) -> dict[str, Any]:
    """Learnt from sound training tiles; asked about windows of 224 px of the test images."""
    sound = [item for item in data("magnetic-tile", "train").samples if item.kind == "free"][::sample]
    learnt = Gate.learn((window for item in sound for window, _ in windows(item)), 0.0)
    odd_sound: list[float] = []
    defective: list[list[tuple[float, int]]] = []
    for item in data("magnetic-tile", "test").samples[::sample]:
        seen = [(learnt.deviations(image), int(truth.sum())) for image, truth in windows(item)]
        if any(pixels for _, pixels in seen):
            defective.append(seen)
        else:
            odd_sound += [odd for odd, _ in seen]
    pixels = sum(count for seen in defective for _, count in seen)
    curve = [
        {
            "level": level,
            "sound_windows_skipped": round(float(np.mean([odd <= level for odd in odd_sound])), 4),
            "defect_images_missed": round(
                float(np.mean([all(odd <= level for odd, count in seen if count) for seen in defective])), 4
            ),
            "defect_pixels_missed": round(
                sum(count for seen in defective for odd, count in seen if odd <= level) / max(pixels, 1), 4
            ),
        }
        for level in LEVELS
    ]
    return {
        "learnt_from_images": len(sound),
        "sound_windows": len(odd_sound),
        "defect_images": len(defective),
        "curve": curve,
    }


def windows(item: Sample) -> list[tuple[np.ndarray, np.ndarray]]:
    """Windows of at most 224 px that share nothing but what the last ones need to end with the image."""
    image, truth = read(item)
    return [
        (image[top : top + SIDE, left : left + SIDE], truth[top : top + SIDE, left : left + SIDE])
        for top in tile_starts(image.shape[0], SIDE, 0)
        for left in tile_starts(image.shape[1], SIDE, 0)
    ]


def figures(report: dict[str, Any]) -> str:
    """The tables of ``docs/strips.md``."""
    streamed, scores, gated = report["stream"], report["iou"], report["gate"]
    samples = max(report[part]["sample"] for part in ("stream", "iou", "gate"))
    lines = []
    if samples > 1:
        lines += ["**Provisional**: measured on a sample, on a busy machine.", ""]
    lines += [
        f"Streaming a raw strip of {streamed['width']:,} columns, one process each:",
        "",
        "| segmenter | rows | peak memory, MiB | rows a second | rows a processor second | regions | longest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {title} | {one['rows']:,} | {one['peak_mib']:,} | {one['rows_a_second']:,} | "
        f"{one['rows_a_processor_second']:,} | {one['regions']:,} | {one['longest_region_rows']:,} rows |"
        for title, one in (
            ("none (grey above one half)", streamed["bright"]),
            ("`ocinet-tiny`", streamed["ocinet-tiny"]),
        )
    ]
    if "command" in report:
        lines += ["", *command_figures(report["command"])]
    tiles, steel = scores["magnetic-tile"], scores["sd-saliency-900"]
    default = scores["default_overlap"]
    lines += [
        "",
        f"IoU of `ocinet-tiny` at its threshold {scores['threshold']} (image mean; pooled in brackets), "
        f"{tiles['whole']['images']} defective magnetic tiles, {steel['whole']['images']} steel images in mosaics:",
        "",
        "| seen | magnetic tile | steel |",
        "|---|---|---|",
        f"| each image alone, stretched to 224 x 224 | {score(tiles['whole'])} | {score(steel['alone'])} |",
        f"| the whole mosaic stretched to 224 x 224 | | {score(steel['whole'])} |",
    ]
    lines += [
        f"| tiles of {SIDE} px, overlap {overlap} px{' (default)' if overlap == default else ''} | "
        f"{score(tiles[str(overlap)])} | {score(steel[str(overlap)])} |"
        for overlap in OVERLAPS
    ]
    lines += [
        "",
        f"The gate, learnt from {gated['learnt_from_images']} sound magnetic tiles of the training part; "
        f"{gated['sound_windows']} sound windows of {SIDE} px and {gated['defect_images']} defective images of the "
        "test part:",
        "",
        "| level | sound windows skipped | defective images missed | defect pixels missed |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['level']:g} | {row['sound_windows_skipped']:.1%} | {row['defect_images_missed']:.1%} | "
        f"{row['defect_pixels_missed']:.1%} |"
        for row in gated["curve"]
    ]
    return "\n".join(lines)


def command_figures(one: dict[str, Any]) -> list[str]:
    """The whole command, in a table of its own."""
    return [
        f"The whole command on such a strip, {one['threads']} thread{'s' * (one['threads'] != 1)}, from its start to "
        "the page:",
        "",
        "```",
        one["line"].replace(" --rules", " \\\n    --rules"),
        "```",
        "",
        "| rows | seconds | rows a second | rows a processor second | peak memory, MiB | defects | longest | "
        "verdict, exit code | page, MiB |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| {one['rows']:,} | {one['seconds']:,.0f} | {one['rows_a_second']:,} | "
        f"{one['rows_a_processor_second']:,} | {one['peak_mib']:,} | {one['defects']:,} | "
        f"{one['longest_defect_rows']:,} rows | {one['verdict']}, {one['exit_code']} | {one['page_mib']:g} |",
    ]


def score(one: dict[str, Any]) -> str:
    return f"{one['iou_fg_image_mean']:.3f} ({one['iou_fg_pooled']:.3f})"


if __name__ == "__main__":
    main()
