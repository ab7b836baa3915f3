"""The report of 10,000 defects in a browser: how large it is, how soon it is usable, how it prints.

Run: ``python benchmarks/report_page.py`` (needs Chromium); writes ``benchmarks/results/report_page.json``
and the figures in ``docs/report.md``. ``--pictures DIR`` also leaves the page, what it looks like 1280 and 820 pixels
wide, and its PDF; ``--results DIR`` keeps the drawn results for the next run. 250 drawn images of a bench with a
calibration hold 40 drawn defects each, of three classes, judged by three rules; every defect is measured as
``flawscope inspect`` does.

Times are in a headless Chromium that was just started, medians of five, from the navigation on: ``load`` is the load
event, ``usable`` when the table stands there sorted and answers. Filtering and sorting run from the event until the
next frame is drawn.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flawscope.images import write_image
from flawscope.inspect.calibration import Calibration
from flawscope.inspect.folder import Wanted, open_results, read_results
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.report import write_report
from flawscope.inspect.rule_reading import read_rules
from flawscope.inspect.tables import Record
from flawscope.machine import describe_machine
from flawscope.outputs import write_json, write_text
from flawscope.results import InspectionResult, find_defects

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results" / "report_page.json", HERE.parent / "docs" / "report.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

SEED, IMAGES, ACROSS, DOWN, CELL = 0, 250, 8, 5, 96
LABELS = ("pit", "scratch", "stain")
RULES = """\
default: accept
rules:
  - name: long scratch
    class: scratch
    length_mm: {min: 3.2}
    then: reject
  - name: large stain
    class: stain
    area_mm2: {min: 1.5}
    then: review
  - name: wide pit
    class: pit
    width_max_mm: {min: 1.3}
    then: review
"""
RUNS, WIDTHS = 5, (1280, 820)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def make_results(root: Path) -> list[Record]:
    """10,000 drawn defects, measured and judged, and the records of their images."""
    rules = write_text(root / "rules.yaml", RULES)
    inspector = Inspector(
        read_rules(rules, LABELS), Calibration(id="bench", mm_per_px_x=0.05, mm_per_px_y=0.05)
    )
    folder = open_results(root / "out", Wanted())
    rng = np.random.default_rng(SEED)
    for number in range(IMAGES):
        image, mask = draw(rng)
        path = write_image(root / "in" / f"plate-{number:03}.png", image)
        found = find_defects(mask, LABELS)
        result = InspectionResult(str(path), mask, LABELS, found, 0.5, seconds=0.1)
        result, measures = inspector.look(result, image)
        folder.add(result, image, f"plate-{number:03}", measures)
    return folder.records


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A surface with one defect in every cell of a grid; no two touch."""
    height, width = DOWN * CELL, ACROSS * CELL
    mask = np.zeros((height, width), dtype=np.uint8)
    for cell in range(ACROSS * DOWN):
        row, column = divmod(cell, ACROSS)
        kind = int(rng.choice(3, p=(0.6, 0.3, 0.1))) + 1
        length = 2 + min(36.0, float(rng.exponential(8)))
        margin = math.ceil(length) + 3
        x, y = (int(rng.integers(margin, CELL - margin)) + place * CELL for place in (column, row))
        axes = {1: (length / 2, length / 2.6), 2: (length, 1.5), 3: (length / 1.5, length / 3)}[kind]
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(mask, ((x, y), (2 * axes[0], 2 * axes[1]), turn), kind, -1)
        mask[y, x] = kind
    light = 150 + cv2.GaussianBlur(rng.normal(0, 30, (height, width)), (0, 0), 2)
    light -= np.array([0, 80, 50, 30])[mask] + rng.normal(0, 3, (height, width))
    image = np.repeat(light.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    return image, mask


START = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])"""
"""Chromium reads what it is asked from file 3 and answers into file 4."""


def _pipe() -> tuple[int, int]:
    """Ends of a pipe, numbered high enough to be neither 3 nor 4."""
    low = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in low]
    for end in low:
        os.close(end)
    return high[0], high[1]


class Browser:
    """A headless Chromium, asked over a pipe; leave the block to end it."""

    def __init__(self, profile: Path) -> None:
        asked, self._asks = _pipe()
        self._answers, answered = _pipe()
        switches = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")
        flags = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in switches)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(asked), str(answered), str(CHROMIUM), *flags,
             "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            pass_fds=(asked, answered), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(asked)
        os.close(answered)
        self._number, self._rest, self._session = 0, b"", ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Its answer; what it says unasked is passed over."""
        self._number += 1
        question: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            question["sessionId"] = self._session
        os.write(self._asks, json.dumps(question).encode() + b"\0")
        while True:
            said = self._said()
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                answer: dict[str, Any] = said["result"]
                return answer

    def _said(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._answers, 1 << 20)
            if not more:
                raise RuntimeError("Chromium ended")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        return said

    def width(self, pixels: int) -> None:
        """How wide the window is."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=False
        )

    def open(self, page: Path) -> None:
        """Returns when the table is usable and the page has loaded."""
        self.ask("Page.navigate", url=page.as_uri())
        wait = time.monotonic() + 60
        while not self.value(READY):
            if time.monotonic() > wait:
                raise RuntimeError(f"{page}: not usable after a minute")
            time.sleep(0.02)

    def value(self, script: str) -> Any:
        """What a script comes to."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "", modifiers: int = 0) -> None:
        """A real key, as from a keyboard."""
        told = {"key": key, "windowsVirtualKeyCode": code, "text": text, "modifiers": modifiers}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **told)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def picture(self, file: Path, top: int = 0, height: int = 0) -> None:
        """The page from ``top`` on; all of it without a height."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            "x": 0,
            "y": top,
            "width": size["width"],
            "height": height or size["height"] - top,
            "scale": 1,
        }
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(taken["data"]))

    def pdf(self) -> bytes:
        """The page as printed."""
        printed = self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(printed["data"])

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._asks)
        os.close(self._answers)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        raise SystemExit("error: no Chromium here: install the package chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        opened = Browser(Path(profile))
        try:
            yield opened
        finally:
            opened.close()


READY = """document.readyState === "complete" && performance.getEntriesByType("navigation")[0].loadEventEnd > 0
  && document.documentElement.dataset.ready !== undefined"""

TIMES = """(() => { const entry = performance.getEntriesByType("navigation")[0];
  return { load_ms: entry.loadEventEnd, usable_ms: Number(document.documentElement.dataset.ready) }; })()"""

ACTIONS = {
    "sort_ms": 'document.querySelectorAll("#table th button")[0].click();',
    "filter_ms": 'filter.value = "plate-1"; filter.dispatchEvent(new Event("input"));',
    "least_ms": 'least.value = "1"; least.dispatchEvent(new Event("input"));',
    "turn_ms": 'document.getElementById("after").click();',
    "key_ms": 'document.querySelector(".spot").dispatchEvent('
    'new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));',
}

ACT = """(async () => { const filter = document.getElementById("filter"), least = document.getElementById("least");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await frame(); const began = performance.now(); ACTION await frame(); return performance.now() - began; })()"""


def measure_once(page: Path) -> dict[str, float]:
    with browser() as opened:
        opened.width(WIDTHS[0])
        opened.open(page)
        times: dict[str, float] = opened.value(TIMES)
        for name, action in ACTIONS.items():
            times[name] = opened.value(ACT.replace("ACTION", action))
        opened.open(page)
        began = time.monotonic()
        printed = opened.pdf()
        times["print_s"] = time.monotonic() - began
        times["pdf_pages"] = len(re.findall(rb"/Type\s*/Page\b", printed))
        times["pdf_mib"] = len(printed) / 2**20
    return times


def leave_pictures(page: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_bytes(page.read_bytes())
    with browser() as opened:
        for width in WIDTHS:
            opened.width(width)
            opened.open(page)
            opened.picture(folder / f"page-{width}.png")
        (folder / "page.pdf").write_bytes(opened.pdf())


def page_text(report: dict[str, Any]) -> str:
    """What docs/report.md says."""
    times = report["times"]
    rows = [
        ("the page", f"{report['page_mib']:.1f} MiB, with {report['cards']} pictures"),
        ("writing it, measures being there", f"{report['write_s']:.1f} s"),
        ("from the navigation to the load event", f"{times['load_ms'] / 1000:.2f} s"),
        ("until the table answers", f"{times['usable_ms'] / 1000:.2f} s"),
        ("sorting by name", f"{times['sort_ms']:.0f} ms"),
        ("filtering by text", f"{times['filter_ms']:.0f} ms"),
        ("filtering by size", f"{times['least_ms']:.0f} ms"),
        ("turning a page of the table", f"{times['turn_ms']:.0f} ms"),
        ("the first step with a key on the map", f"{times['key_ms']:.0f} ms"),
        (
            "printing to PDF",
            f"{times['print_s']:.1f} s, {times['pdf_pages']:.0f} pages, {times['pdf_mib']:.1f} MiB",
        ),
    ]
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    load = report["machine"]["load_average"][0]
    head = (
        f"{report['defects']:,} defects on {report['images']} images, in a headless Chromium that was just started, "
        f"on {report['machine']['cores']} cores busy with other work (load {load:.1f}): medians of {RUNS}. Steps "
        "count until the next frame is drawn (`python benchmarks/report_page.py`)."
    )
    return f"{head}\n\n| | |\n|---|---:|\n{table}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--pictures", type=Path, metavar="DIR")
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="keep the drawn results, or take those there"
    )
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        root = wanted.results or Path(work)
        made = root / "out" / "results.jsonl"
        records = list(read_results(made)) if made.is_file() else make_results(root)
        page, began = Path(work) / "report.html", time.monotonic()
        write_report(page, records, None, weights="drawn", settings={"threshold": 0.5, "min_area": 1})
        written = time.monotonic() - began
        runs = [measure_once(page) for _ in range(RUNS)]
        machine = describe_machine()
        if wanted.pictures:
            leave_pictures(page, wanted.pictures)
        text = page.read_text(encoding="utf-8")
    report = {
        "machine": machine,
        "seed": SEED,
        "images": len(records),
        "defects": sum(len(record["defects"]) for record in records),
        "cards": text.count('<li id="image-'),
        "page_mib": round(len(text.encode()) / 2**20, 2),
        "write_s": round(written, 2),
        "times": {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]},
        "quickest": {name: round(min(run[name] for run in runs), 2) for name in runs[0]},
        "slowest": {name: round(max(run[name] for run in runs), 2) for name in runs[0]},
    }
    print(json.dumps({**report, "machine": None}, indent=2))
    write_json(RESULTS, report)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    write_text(PAGE, f"{before}{BEGIN}\n{page_text(report)}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
