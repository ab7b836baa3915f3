"""The figures of docs/strips.md, and the part that runs the whole command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_shows_what_is_recorded(script: Callable[[str], Any]) -> None:
    strips = script("strips")
    report = json.loads((ROOT / "benchmarks" / "results" / "strips.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "strips.md").read_text(encoding="utf-8")
    shown = page.partition(strips.BEGIN)[2].partition(strips.END)[0].strip()
    assert shown == strips.figures(report)
    assert f"| {report['command']['rows']:,} | " in shown


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
    told = "\n".join(strips.command_figures({**measured, "threads": 1}))
    assert "--width 512 --rows 300 --weights ocinet-tiny \\\n    --rules rules.yaml" in told


def narrow(file: Path, rows: int) -> None:
    """Grey with a dark patch."""
    strip = bytearray(b"\x80" * 512 * rows)
    for row in range(100, 140):
        strip[row * 512 + 200 : row * 512 + 240] = b"\x10" * 40
    file.write_bytes(strip)
