"""Strips: memory and speed of streaming and of the whole command, IoU tiled and untiled, and what the gate misses.

Run: ``python benchmarks/strips.py [--threads N]``, or single parts:

- ``stream``: rows to masks and regions; ``path``: also measuring, contrast, rules; ``command``: the whole command;
- ``iou`` and ``overlap`` (``strips_iou.py``), ``gate`` and ``skip`` (``strips_gate.py``);
- ``tutorial``: the four commands of ``docs/tutorial-strip.md``, and how many of the drawn defects they find;
- ``page``: nothing is measured, the pages are rendered anew.

``--sample N`` takes every N-th image and one N-th of the rows, for a look on a busy machine; ``--rows`` is how many
rows ``command`` inspects. ``iou``, ``overlap`` and ``gate`` need the environment variable FLAWSCOPE_DATA. A part is
merged into ``benchmarks/results/strips.json``; the figures in ``docs/strips.md`` and ``docs/tutorial-strip.md`` are
rendered from it (``strips_page.py``).
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
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.inspect import Wanted, open_results
from flawscope.inspect.batch import Settings
from flawscope.inspect.calibration import new_calibration
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.rule_reading import read_rules
from flawscope.inspect.strip import inspect_strip
from flawscope.inspect.strip_records import add_strip
from flawscope.inspect.strip_source import FileRows, open_strip
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment import Prompts, Segmentation, Tiled, load

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import strips_gate  # noqa: E402
import strips_iou  # noqa: E402
import strips_page  # noqa: E402
import strips_tutorial  # noqa: E402

RESULT = HERE / "results" / "strips.json"

WIDTH, ROWS, NETWORK_ROWS, COMMAND_ROWS = 8192, 100_000, 5_000, 20_000
MM_PER_PX, LONG_MM, LARGE_MM2 = 0.1, 20, 25
SIDE, LINE_PX, PATH_PLACES = 224, 6, 50
RULES = """
default: accept
rules:
  - name: long defect
    length_mm: {min: 100}
    then: reject
  - name: bright defect
    contrast: {min: 0.3}
    area_mm2: {min: 10}
    then: review
  - name: many defects close together
    count_per_metre: {min: 50, window_m: 0.5}
    then: review
"""


class Bright:
    """Costs nothing: the probability of a defect is the grey value."""

    name, labels, threshold = "bright", ("bright",), 0.5

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        """Grey as probability."""
        del prompts
        return Segmentation((image[:, :, 0].astype(np.float32) / 255)[None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--sample", type=int, default=1, metavar="N")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network")
    parser.add_argument("--rows", type=int, default=COMMAND_ROWS, help="rows that the command inspects")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, file, folder = options.child
        once = path_once if name == "path" else functools.partial(stream_once, name)
        print(json.dumps(once(file, folder, options.threads)))
        return
    for part in options.parts:
        if part == "page":
            continue
        measure = functools.partial(command, options.rows) if part == "command" else PARTS[part]
        measured = {
            "machine": describe_machine(),
            "threads": options.threads,
            "sample": options.sample,
            **measure(options.sample, options.threads),
        }
        report = (json.loads(RESULT.read_text()) if RESULT.exists() else {}) | {part: measured}
        write_json(RESULT, report)
        print(json.dumps(report[part], indent=1))
    strips_page.render(json.loads(RESULT.read_text()))


def stream(sample: int, threads: int) -> dict[str, Any]:
    """Each run in a process of its own, whose peak memory is all that it ever held."""
    answer: dict[str, Any] = {"width": WIDTH}
    for name, rows in (("bright", ROWS // sample), ("ocinet-tiny", NETWORK_ROWS // sample)):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "strip.raw"
            draw_strip(file, rows)
            answer[name] = in_a_process_of_its_own(name, file, threads)
    return answer


def path(sample: int, threads: int) -> dict[str, Any]:
    """All that ``flawscope inspect`` does to a strip but the page, with a segmenter that costs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "strip.raw"
        draw_strip(file, ROWS // sample, places=PATH_PLACES)
        return {"width": WIDTH, **in_a_process_of_its_own("path", file, threads)}


def in_a_process_of_its_own(name: str, file: Path, threads: int) -> dict[str, Any]:
    arguments = [
        sys.executable,
        __file__,
        "--threads",
        str(threads),
        "--child",
        name,
        str(file),
        str(file.parent),
    ]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def command(rows: int, sample: int, threads: int) -> dict[str, Any]:
    """``flawscope inspect`` as a person calls it, report included, in a process of its own."""
    rows //= sample
    program = [sys.executable, "-m", "flawscope"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_strip(folder / "coil.raw", rows, LINE_PX)
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
            peak, ended = 0, 0
            while not ended:
                ended, status, used = os.wait4(process.pid, os.WNOHANG)
                peak = max(peak, high_water_mib(process.pid))
                time.sleep(0.05)
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
            "peak_mib": peak,
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


def high_water_mib(process: int) -> int:
    """Most memory that a running process held since its program began; 0 once it has ended.

    What the system says of an ended process counts the one it was forked from too, however large that was.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return round(int(line.split()[1]) / 1024)


def draw_strip(file: Path, rows: int, line_px: int = 1, places: int = 200) -> None:
    """Noise around grey 90, every 500 rows bright scratches at half of the places, and one along the whole strip."""
    first = 4 - line_px // 2  # the scratches begin at column 8 and must not touch it
    rng = np.random.default_rng(0)
    starts = np.arange(0, 200, 200 // places) * 40 + 8
    with file.open("wb") as opened:
        for top in range(0, rows, 500):
            block = rng.integers(80, 100, (min(500, rows - top), WIDTH), dtype=np.uint8)
            long = rng.random(places) < 0.5
            for column in (starts[long] + rng.integers(0, 20, long.sum())).tolist():
                block[:450, column : column + 4] = 220
            block[:, first : first + line_px] = 220
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


def path_once(file: str, folder: str, threads: int) -> dict[str, Any]:
    """Segments, joins, measures in millimetres with contrast, judges, and writes the record."""
    del threads
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rules = Path(folder) / "rules.yaml"
    rules.write_text(RULES)
    inspector = Inspector(
        read_rules(rules), new_calibration(id="bench", mm_per_px_x=MM_PER_PX, mm_per_px_y=MM_PER_PX)
    )
    results = open_results(Path(folder) / "out", Wanted(overlays=False))
    started, processor = time.perf_counter(), time.process_time()
    result, record = add_strip(
        Tiled(Bright(), SIDE),
        open_strip(file, width=WIDTH),
        results,
        Settings(),
        inspector,
        results.claim(file, "strip.raw"),
    )
    results.finish()
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    assert record is not None
    longest = max(record["defects"], key=lambda defect: defect["length_px"])
    return {
        "rows": result.rows,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "mib_before": round(before / 1024),
        "rows_a_second": round(result.rows / seconds, 1),
        "rows_a_processor_second": round(result.rows / processor, 1),
        "defects": len(record["defects"]),
        "with_contrast": sum(defect["contrast"] is not None for defect in record["defects"]),
        "longest": {name: longest[name] for name in ("box", "length_px", "length_mm", "contrast")},
        "as_long_as_the_strip": sum(defect["length_px"] >= result.rows for defect in record["defects"]),
        "verdict": record["verdict"]["outcome"],
    }


PARTS = {
    "stream": stream,
    "path": path,
    "command": command,
    "iou": strips_iou.iou,
    "overlap": strips_iou.overlap,
    "gate": strips_gate.gate,
    "skip": strips_gate.skip,
    "tutorial": strips_tutorial.tutorial,
}


if __name__ == "__main__":
    main()
