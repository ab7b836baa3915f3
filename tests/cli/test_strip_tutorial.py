"""docs/tutorial-strip.md, command by command, as a user types it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from flawscope.cli.app import run

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-strip.md"


def commands() -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("flawscope ")]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.slow
def test_four_commands_from_a_strip_to_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw, calibrate, write_rules, inspect = commands()
    draw[draw.index("--metres") + 1] = "1"
    assert run([*draw, "--json", "coil.json"]) == 0
    drawn = json.loads(Path("coil.json").read_text(encoding="utf-8"))
    assert (drawn["rows"], drawn["width"]) == (2000, 1024)
    long = drawn["defects"][0]["box"]
    assert long[3] == 500
    assert run(calibrate) == 0
    assert run(write_rules) == 0
    capsys.readouterr()
    assert run(inspect) == 1  # the scratch of 250 mm is longer than 100 mm
    told = capsys.readouterr().out
    assert "REJECT coil.tif: long defect" in told
    assert "1 strip (2,000 rows): 0 accept, 0 review, 1 reject" in told
    (record,) = (json.loads(line) for line in Path("found/results.jsonl").read_text().splitlines())
    assert record["verdict"]["outcome"] == "reject"
    assert record["calibration"] == {"id": "line-1", "mm_per_px_x": 0.5, "mm_per_px_y": 0.5}
    longest = max(record["defects"], key=lambda defect: defect["length_mm"])
    assert 100 <= longest["length_mm"] == pytest.approx(0.5 * longest["length_px"], abs=1e-3)
    assert long[0] - 8 <= longest["box"][0] <= long[0] + long[2]
    assert longest["contrast"] > 0.1
    assert Path("found/results.csv").read_text().count("\n") == len(record["defects"]) + 1
    assert "coil.tif" in Path("found/report.html").read_text(encoding="utf-8")
    assert list((Path("found") / record["files"]["strip"] / "masks").glob("rows_*.png"))
