"""What could not be inspected, or not to its end, is never lost: not by resuming, not by a page made anew."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image

RULES = """rules:
  - name: long scratch
    length_mm: {min: 30}
    then: reject
  - name: too few marks
    count: {max: 0}
    then: reject
"""


def surface(*defects: tuple[int, int, int, int], height: int = 64) -> np.ndarray:
    """Dark, 64 wide, with bright boxes (x, y, width, height)."""
    image = np.full((height, 64), 20, dtype=np.uint8)
    for x, y, wide, high in defects:
        image[y : y + high, x : x + wide] = 240
    return image


@pytest.fixture
def command(
    tmp_path: Path, bright_weights: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(RULES)
    run(["calibration", "new", "--id", "line-3", "--x", "0.1", "--out", "cal.yaml"])
    weights = str(bright_weights(imgsz=(64, 64), name="bright64"))
    judged = ["--rules", "rules.yaml", "--calibration", "cal.yaml"]
    return ["inspect", "--weights", weights, "--out", "out", *judged]


def tiles(page: str) -> dict[str, str]:
    text = Path(page).read_text(encoding="utf-8")
    return {name: value for value, name in re.findall("<b>(.*?)</b><span>(.*?)</span></li>", text)}


def kept() -> list[dict[str, Any]]:
    file = Path("out/failures.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_page_made_anew_still_names_the_damaged_image(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("in/sound.png", surface((8, 8, 4, 4)))
    Path("in/torn.png").write_bytes(b"no image")
    assert run([*command, "in", "in/typo.png", "--report"]) == 2
    assert [line["source"] for line in kept()] == ["in/typo.png", "in/torn.png"]
    for _ in range(2):  # the first page is that of inspect
        text = Path("out/report.html").read_text(encoding="utf-8")
        assert tiles("out/report.html")["not inspected"] == "2"
        assert "in/torn.png: " in text.partition('class="failures"')[2].partition("</ul>")[0]
        assert "2 images were not inspected" in text
        capsys.readouterr()
        assert run(["report", "out"]) == 0
        assert capsys.readouterr().out.splitlines()[0] == "1 image, 1 defect; 2 not inspected"

    # only the other image is asked for: the damaged one is not forgotten, what was mistyped is
    assert run([*command, "in/sound.png", "--resume"]) == 2
    assert [line["source"] for line in kept()] == ["in/torn.png"]
    assert "; 1 failed" in capsys.readouterr().out
    write_image("in/torn.png", surface((8, 8, 4, 4)))
    assert run([*command, "in", "--resume"]) == 0
    assert kept() == []
    assert run(["report", "out"]) == 0
    assert "not inspected" not in tiles("out/report.html")


def test_a_strip_cut_short_is_rejected_so_far(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = surface((8, 100, 3, 400), (40, 200, 6, 6), (40, 900, 6, 6), height=1200)
    rows[:600].tofile("coil.raw")
    strip = [*command, "coil.raw", "--strip", "--width", "64", "--rows", "1200"]
    capsys.readouterr()
    assert run([*strip, "--report", "--json", "told.json"]) == 2
    said = "inspected in part (600 of 1,200 rows): long scratch, 1 defect: length_mm 40 (min 30)"
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"REJECT so far coil.raw: {said}",
        "1 strip (600 rows): 0 accept, 0 review, 1 reject; 1 inspected in part",
    ]
    with Path("out/results.csv").open(newline="") as opened:
        listed = list(csv.DictReader(opened))
    assert [(row["length_mm"], row["image_verdict"], row["inspected"]) for row in listed] == [
        ("0.6", "reject", "in part"),  # which ended first
        ("40.0", "reject", "in part"),
    ]
    told = json.loads(Path("told.json").read_text())
    assert (told["failed"], len(told["results"][0]["defects"]), told["verdicts"]) == (1, 2, {"reject": 1})
    for folder in ("out", "out/strips/coil"):
        if folder != "out":
            assert run(["report", folder]) == 0
        for _ in range(2):
            page = Path(folder, "report.html").read_text(encoding="utf-8")
            assert f'<li class="reject"><b>REJECT so far</b> coil.raw: {said}. coil.raw: the file' in page
            assert "No defect was found" not in page
            shown = tiles(f"{folder}/report.html")
            assert (shown["strip"], shown["rows"], shown["defects"]) == ("1", "600", "2")
            assert (shown["reject"], shown["inspected in part"]) == ("1", "1")
            assert run(["report", folder]) == 0
    assert Path("out/results.jsonl").read_text() == ""  # it is not done

    rows.tofile("coil.raw")
    assert run([*strip, "--resume"]) == 1
    (line,) = [json.loads(line) for line in Path("out/results.jsonl").read_text().splitlines()]
    assert run([*(part if part != "out" else "anew" for part in strip)]) == 1
    (anew,) = [json.loads(line) for line in Path("anew/results.jsonl").read_text().splitlines()]
    assert {**line, "seconds": 0} == {**anew, "seconds": 0}
    assert kept() == []
    for name in ("strip.json", "regions.jsonl"):
        assert Path("out/strips/coil", name).read_bytes() == Path("anew/strips/coil", name).read_bytes()


def test_a_strip_cut_short_is_never_accepted(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    surface(height=600).tofile("coil.raw")  # a rule rejects strips without marks, but marks may still come
    assert run([*command, "coil.raw", "--strip", "--width", "64", "--rows", "1200"]) == 2
    said = capsys.readouterr().out.splitlines()[0]
    assert (
        said
        == "REVIEW coil.raw: inspected in part (600 of 1,200 rows): too few marks, no defect: count 0 (max 0)"
    )
    assert run(["report", "out"]) == 0
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "<p>No defect was found in what was inspected.</p>" in page
    assert '<li class="review"><b>REVIEW</b> coil.raw: inspected in part' in page
    surface(height=600).tofile("other.raw")  # under another name the first is not forgotten
    assert run([*command, "other.raw", "--strip", "--width", "64"]) == 2
    assert "already holds results of 1 image" in capsys.readouterr().err
    assert run([*command, "other.raw", "--strip", "--width", "64", "--resume"]) == 2
    assert [line["source"] for line in kept()] == ["coil.raw"]


def test_the_page_of_a_strips_own_folder_says_what_the_other_says(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    surface((8, 100, 3, 400), height=1200).tofile("coil.raw")
    assert run([*command, "coil.raw", "--strip", "--width", "64", "--report"]) == 1
    own = Path("out/strips/coil/report.html")
    assert run(["report", str(own.parent), "--title", "Coil 7"]) == 0
    assert tiles(str(own)) == tiles("out/report.html")
    assert tiles(str(own))["inspected"] == "0.1 m"
    text = own.read_text(encoding="utf-8")
    assert "Calibration line-3, a pixel is 0.1 x 0.1 mm." in text
    assert "along (mm)" in text
    assert "Sizes are in pixels" not in text
    assert '<span class="verdict reject">reject</span></td><td class="name">long scratch' in text

    summary = json.loads((own.parent / "strip.json").read_text())
    del summary["verdict"]  # as of a run that was killed before its verdict
    (own.parent / "strip.json").write_text(json.dumps(summary))
    assert run(["report", str(own.parent)]) == 2
    told = (
        "error: out/strips/coil: was inspected with --rules and holds no verdict. Run: flawscope report out\n"
    )
    assert capsys.readouterr().err == told


def test_a_strip_that_was_begun_is_said(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import flawscope.inspect.strip as strips

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    surface((8, 100, 3, 400), height=1200).tofile("coil.raw")
    monkeypatch.setattr(strips._Work, "take", stop)
    assert run([*command, "coil.raw", "--strip", "--width", "64"]) == 130
    assert run(["report", "out"]) == 0
    text = Path("out/report.html").read_text(encoding="utf-8")
    assert "<li>coil.raw: begun and not inspected to its end. Go on with --resume</li>" in text
    assert tiles("out/report.html")["not inspected"] == "1"
