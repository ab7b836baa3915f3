"""The figures of docs/strips.md, and the part that runs the whole command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_shows_what_is_recorded(script: Callable[[str], Any]) -> None:
    pages = script("strips").strips_page
    report = json.loads((ROOT / "benchmarks" / "results" / "strips.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "strips.md").read_text(encoding="utf-8")
    shown = page.partition(pages.BEGIN)[2].partition(pages.END)[0].strip()
    assert shown == pages.figures(report)
    assert f"| {report['command']['rows']:,} | " in shown


def test_the_tutorial_shows_what_is_recorded(script: Callable[[str], Any]) -> None:
    pages = script("strips").strips_page
    report = json.loads((ROOT / "benchmarks" / "results" / "strips.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "tutorial-strip.md").read_text(encoding="utf-8")
    one = report["tutorial"]
    assert page.partition(pages.BEGIN)[2].partition(pages.END)[0].strip() == pages.tutorial_figures(one)
    assert f"--metres {one['metres']:g} " in page
    assert f"draws {one['rows']:,} rows of {one['width']:,} pixels" in page
    assert f"TIFF of {one['file_mib']} MiB" in page


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in KiB is Linux")
def test_the_whole_command_is_measured(script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    strips = script("strips")
    monkeypatch.setattr(strips, "WIDTH", 512)
    monkeypatch.setattr(strips, "draw_strip", narrow)
    measured = strips.command(600, 2, 1)
    assert (measured["rows"], measured["width"]) == (300, 512)
    assert measured["exit_code"] == {"accept": 0, "review": 1, "reject": 1}[measured["verdict"]]
    assert measured["defects"] == measured["with_contrast"] > 0
    assert 60 < measured["peak_mib"] < 1500
    assert measured["rows_a_second"] == pytest.approx(300 / measured["seconds"], rel=0.1)
    assert measured["page_mib"] > 0.02
    told = "\n".join(strips.strips_page.command_figures({**measured, "threads": 1}))
    assert "--width 512 --rows 300 --weights ocinet-tiny \\\n    --rules rules.yaml" in told


def narrow(file: Path, rows: int, line_px: int = 1) -> None:
    """Grey with a dark patch; no line."""
    strip = bytearray(b"\x80" * 512 * rows)
    for row in range(100, 140):
        strip[row * 512 + 200 : row * 512 + 240] = b"\x10" * 40
    file.write_bytes(strip)


def test_the_drawn_line_touches_no_scratch(script: Callable[[str], Any], tmp_path: Path) -> None:
    strips = script("strips")
    strips.draw_strip(tmp_path / "s.raw", 1000, strips.LINE_PX)
    strip = np.fromfile(tmp_path / "s.raw", np.uint8).reshape(1000, -1)
    regions = cv2.connectedComponentsWithStats((strip > 128).astype(np.uint8), connectivity=8)[2]
    (line,) = regions[(regions[:, cv2.CC_STAT_HEIGHT] == 1000) & (regions[:, cv2.CC_STAT_LEFT] > 0)]
    assert line[cv2.CC_STAT_WIDTH] == 6
    assert line[cv2.CC_STAT_AREA] == 6000


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in KiB is Linux")
def test_the_whole_path_is_measured(
    script: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strips = script("strips")
    monkeypatch.setattr(strips, "ROWS", 1000)
    measured = strips.path(1, 1)
    strips.draw_strip(tmp_path / "s.raw", 1000, places=strips.PATH_PLACES)
    strip = np.fromfile(tmp_path / "s.raw", np.uint8).reshape(1000, -1) / 255
    ring = strip[:, [0, 1, 7, 8, 9, 10, 11]].mean()  # more than 2 and at most 7 px from column 4
    assert (measured["rows"], measured["as_long_as_the_strip"], measured["verdict"]) == (1000, 1, "reject")
    assert measured["longest"]["length_px"] == pytest.approx(1000)
    assert measured["longest"]["length_mm"] == pytest.approx(100)
    assert measured["longest"]["contrast"] == pytest.approx(220 / 255 - ring, abs=1e-5)
    assert measured["defects"] == measured["with_contrast"] > 20


def test_what_the_tutorial_found_is_counted(script: Callable[[str], Any]) -> None:
    tutorial = script("strips").strips_tutorial
    mask = np.zeros((100, 50), bool)
    mask[20:30, 10] = mask[34:40, 10] = True  # sixteen of the twenty rows of the long one
    mask[80:90, 40] = True  # texture
    drawn = [{"box": [9, 20, 3, 20]}, {"box": [30, 60, 5, 5]}]
    marked = [
        {"box": [10, 20, 1, 10], "length_mm": 10.0},
        {"box": [10, 34, 1, 6], "length_mm": 6.0},
        {"box": [40, 80, 1, 10], "length_mm": 12.0},
    ]
    assert tutorial.compared(mask, drawn, marked) == {
        "drawn": 2,
        "found": 1,
        "long_scratch_rows_marked": 0.8,
        "long_scratch_longest_piece_mm": 10.0,
        "texture_patches": 1,
        "texture_longest_mm": 12.0,
    }


def test_a_wider_overlap_is_set_beside_the_default(script: Callable[[str], Any]) -> None:
    iou = script("strips").strips_iou
    told = iou.above(np.array([0.5, 0.7]), np.array([0.4, 0.6]))
    assert told == {"above_default": 0.1, "above_default_95": [0.1, 0.1]}


def test_a_tile_is_asked_about_once(script: Callable[[str], Any]) -> None:
    gate = script("strips").strips_gate
    asked: list[int] = []

    class Counting(script("strips").Bright):
        def segment(self, image: Any, prompts: Any = None) -> Any:
            asked.append(1)
            return super().segment(image)

    remembering = gate.Remembering(Counting())
    tiles = [np.full((8, 8, 3), grey, np.uint8) for grey in (0, 255, 0)]
    first = [answer.probability.mean() for answer in remembering.segment_batch(tiles)]
    again = [remembering.segment(tile).probability.mean() for tile in tiles]
    assert first == again == [0, 1, 0]
    assert len(asked) == 2
