"""The four commands of ``docs/tutorial-strip.md`` as they stand there: the part ``tutorial`` of ``strips.py``.

A drawn defect is found when a pixel inside its box is marked; a marked patch that touches no box is plain texture.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from strips_gate import boxes_filled, found, whole_mask

PAGE = Path(__file__).parents[1] / "docs" / "tutorial-strip.md"


def commands(page: str) -> list[str]:
    """The lines that a reader types."""
    return re.findall(r"```bash\nflawscope (.*?)\n```", page)


def tutorial(sample: int, threads: int) -> dict[str, Any]:
    """Draw, calibrate, write rules, inspect; what was found of what was drawn."""
    draw, calibrate, write_rules, inspect = commands(PAGE.read_text(encoding="utf-8"))
    metres = float(re.findall(r"--metres (\S+)", draw)[0]) / sample
    draw = re.sub(r"--metres \S+", f"--metres {metres:g}", draw)
    program = [sys.executable, "-m", "flawscope"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in (f"{draw} --json coil.json", calibrate, write_rules):
            subprocess.run([*program, *line.split()], cwd=folder, check=True, capture_output=True)
        started = time.perf_counter()
        done = subprocess.run(
            [*program, *inspect.split(), "--threads", str(threads)],
            cwd=folder,
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )
        seconds = time.perf_counter() - started
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        told = [
            line for line in done.stdout.splitlines() if "coil.tif:" in line or line.startswith("1 strip")
        ]
        (record,) = (json.loads(line) for line in (folder / "found/results.jsonl").read_text().splitlines())
        truth = json.loads((folder / "coil.json").read_text())
        mask = whole_mask(folder / "found" / record["files"]["strip"])
        return {
            "metres": metres,
            "rows": truth["rows"],
            "width": truth["width"],
            "file_mib": round((folder / "coil.tif").stat().st_size / 2**20),
            "seconds": round(seconds, 1),
            "told": told,
            "exit_code": done.returncode,
            **compared(mask, truth["defects"], record["defects"]),
        }


def compared(mask: np.ndarray, drawn: list[dict[str, Any]], marked: list[dict[str, Any]]) -> dict[str, Any]:
    """What was drawn beside what was marked; the first scratch that is a quarter of the strip is the long one."""
    boxes = [defect["box"] for defect in drawn]
    left, top, width, height = max(boxes, key=lambda box: box[3])
    inside, texture, pieces = boxes_filled(mask.shape, boxes), [], []
    for defect in marked:
        x, y, wide, high = defect["box"]
        if not inside[y : y + high, x : x + wide].any():
            texture.append(defect)
        elif x < left + width and left < x + wide and y < top + height and top < y + high:
            pieces.append(defect)
    return {
        "drawn": len(boxes),
        "found": sum(found(mask, boxes)),
        "long_scratch_rows_marked": round(
            float(mask[top : top + height, left : left + width].any(axis=1).mean()), 4
        ),
        "long_scratch_longest_piece_mm": max((piece["length_mm"] for piece in pieces), default=0.0),
        "texture_patches": len(texture),
        "texture_longest_mm": max((patch["length_mm"] for patch in texture), default=0.0),
    }
