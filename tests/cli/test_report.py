"""``flawscope report``: results that are there as a page and as Parquet."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.inspect.folder import Wanted, open_results
from flawscope.results import InspectionResult, find_defects


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = open_results(
        tmp_path / "out", Wanted(), made_with={"--weights": "toy (sha256 01)", "--tile": [32, 32]}
    )
    for number in range(2):
        mask = np.zeros((40, 50), dtype=np.uint8)
        mask[5:9, 10 : 10 + 6 * number] = 1
        image = np.full((40, 50, 3), 90, dtype=np.uint8)
        path = write_image(tmp_path / f"{number}.png", image)
        found = find_defects(mask, ("pit",))
        folder.add(InspectionResult(str(path), mask, ("pit",), found, 0.5, weights="toy"), image, str(number))
    folder.finish()
    return tmp_path / "out"


def test_the_page_is_written_from_what_is_there(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(results), "--title", "Coil 7"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["2 images, 1 defect", f"Report:  {results / 'report.html'}"]
    text = (results / "report.html").read_text(encoding="utf-8")
    assert "<h1>Coil 7</h1>" in text
    assert "<dt>Weights</dt><dd>toy (sha256 01)</dd>" in text
    assert "<dt>Method</dt><dd>fixed threshold 0.5</dd>" in text
    assert "<dt>Other options</dt><dd>tile 32, 32</dd>" in text
    assert text.count('<li id="image-') == 2


def test_parquet_says_what_the_csv_says(results: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run(["report", str(results), "--parquet", str(tmp_path / "defects.parquet")]) == 0
    rows = parquet.read_table(tmp_path / "defects.parquet").to_pylist()
    with (results / "results.csv").open(newline="", encoding="utf-8") as opened:
        listed = list(csv.DictReader(opened))
    assert [{name: row[name] for name in listed[0]} for row in rows] == [
        {
            name: None if text == "" else text if name in ("source", "label") else float(text)
            for name, text in line.items()
        }
        for line in listed
    ]
    assert (rows[1]["length_mm"], rows[1]["image_verdict"]) == (None, None)


def test_without_pyarrow_it_says_so_before_the_work(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert run(["report", str(results), "--parquet", str(tmp_path / "d.parquet")]) == 2
    assert capsys.readouterr().err == (
        "error: this needs the package 'pyarrow', which is not installed. "
        "Install it with: pip install 'flawscope[parquet]'\n"
    )
    assert not (results / "report.html").exists()


def test_a_folder_without_results_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: holds no results. Give the folder that")


def test_a_strip_has_a_page_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    region = {"label": "pit", "score": 0.75, "box": [3, 900, 2, 4], "area_px": 8, "centroid": [3.5, 901.5]}
    runs = {"rows": [900], "starts": [3], "ends": [5]}
    (tmp_path / "regions.jsonl").write_text(json.dumps({**region, "number": 1, "runs": runs}) + "\n")
    np.save(tmp_path / "coil.npy", np.full((1000, 64), 90, np.uint8))
    summary = {
        "source": str(tmp_path / "coil.npy"),
        "rows": 1000,
        "width": 64,
        "labels": ["pit"],
        "problem": "coil.tif: cut short",
        "declared_rows": 4000,
        "made_with": {"--weights": "toy (sha256 01)", "--threshold": 0.5, "--min-area": 1},
    }
    (tmp_path / "strip.json").write_text(json.dumps(summary))
    assert run(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("1 strip (1,000 rows), 1 defect; 1 inspected in part\n")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "along (px)" in text
    assert re.findall("<b>(.*?)</b><span>(.*?)</span></li>", text) == [
        ("1", "strip"),
        ("1,000", "rows"),
        ("1", "defect"),
        ("1", "inspected in part"),
    ]
    assert "image" not in re.sub("<.*?>", " ", text.partition("<main>")[2].partition("</main>")[0])
    assert re.findall('<li id="image-([^"]+)".*?<strong>(.*?)</strong>', text, re.DOTALL) == [
        ("1-1", "pit at column 3, row 900")
    ]
    assert "inspected in part (1,000 of 4,000 rows). coil.tif: cut short</li>" in text
    assert "Not inspected" not in text
    assert '"rows":[[1,"pit",0.75,8,0.0125,3,900,2,4]]' in text.replace(", ", ",").replace(": ", ":")
