"""The verb inspect, as a person uses it."""

from __future__ import annotations

import base64
import csv
import errno
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from flawscope.cli.app import run
from flawscope.data import rle
from flawscope.images import write_image
from flawscope.inspect import folder as folders
from flawscope.segment.header import PixelSize

Weights = Callable[..., Path]

RULES = """rules:
  - name: long scratch
    length_mm: {min: 3}
    then: reject
  - name: speck
    area_px: {max: 30}
    then: review
"""


def surface(*defects: tuple[int, int, int, int], height: int = 64) -> np.ndarray:
    """Dark, 64 wide, with bright boxes (x, y, width, height)."""
    image = np.full((height, 64), 20, dtype=np.uint8)
    for x, y, wide, high in defects:
        image[y : y + high, x : x + wide] = 240
    return image


@pytest.fixture
def given(tmp_path: Path, bright_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Images of which one is accepted, one to be reviewed and one to be rejected, and the command for them."""
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in" / "clean.png", surface())
    write_image(tmp_path / "in" / "scratch.png", surface((8, 8, 3, 40), (40, 40, 4, 4)))
    write_image(tmp_path / "in" / "speck.png", surface((8, 8, 4, 4)))
    Path("rules.yaml").write_text(RULES)
    run(["calibration", "new", "--id", "line-3", "--x", "0.1", "--out", "cal.yaml"])
    return [
        "inspect",
        "in",
        "--weights",
        str(bright_weights(imgsz=(64, 64), name="bright64")),
        "--out",
        "out",
    ]


JUDGED = ["--rules", "rules.yaml", "--calibration", "cal.yaml"]


def lines(out: str = "out") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(out, "results.jsonl").read_text().splitlines()]


def table(out: str = "out") -> list[dict[str, str]]:
    with Path(out, "results.csv").open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_measures_and_verdicts(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run([*given, *JUDGED, "--json", "report.json"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "REJECT in/scratch.png: long scratch, 1 defect: length_mm 4 (min 3)",
        "REVIEW in/speck.png: speck, 1 defect: area_px 16 (max 30)",
        "3 images: 1 accept, 1 review, 1 reject",
        "Results: out",
    ]
    clean, scratch, speck = lines()
    assert [line["verdict"]["outcome"] for line in (clean, scratch, speck)] == ["accept", "reject", "review"]
    assert clean["calibration"] == {"id": "line-3", "mm_per_px_x": 0.1, "mm_per_px_y": 0.1}
    measured = scratch["defects"][0]
    assert measured["length_mm"] == pytest.approx(4.0, abs=0.1)
    assert measured["area_mm2"] == pytest.approx(1.2)
    assert measured["orientation_deg"] == 90.0
    assert measured["contrast"] == pytest.approx(220 / 255, abs=1e-5)
    rows = table()
    assert [(row["source"], row["defect"], row["image_verdict"], row["rules"]) for row in rows] == [
        ("in/clean.png", "0", "accept", ""),
        ("in/scratch.png", "1", "reject", "long scratch"),
        ("in/scratch.png", "2", "reject", "speck"),
        ("in/speck.png", "1", "review", "speck"),
    ]
    assert {row["calibration"] for row in rows} == {"line-3"}
    assert float(rows[1]["area_mm2"]) == pytest.approx(1.2)
    coco = json.loads(Path("out/coco.json").read_text())
    assert [image["verdict"] for image in coco["images"]] == ["accept", "reject", "review"]
    assert coco["annotations"][0]["attributes"]["length_mm"] == measured["length_mm"]
    report = json.loads(Path("report.json").read_text())
    assert report["verdicts"] == {"accept": 1, "review": 1, "reject": 1}
    assert report["exit_code"] == 1


def test_a_row_names_the_rules_of_its_own_defect(given: list[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    Path("rules.yaml").write_text(RULES.partition("  - name: speck")[0])
    assert run([*given, *JUDGED]) == 1
    expected = [
        ("0", "accept", ""),
        ("1", "reject", "long scratch"),
        ("2", "reject", ""),
        ("1", "accept", ""),
    ]
    assert [(row["defect"], row["image_verdict"], row["rules"]) for row in table()] == expected
    assert run(["report", "out", "--parquet", "out/defects.parquet"]) == 0
    rows = parquet.read_table("out/defects.parquet").to_pylist()
    assert [(str(row["defect"]), row["image_verdict"], row["rules"]) for row in rows] == expected


def test_without_rules_only_measures(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(given) == 0
    assert "3 images: 2 with defects (3 defects: 3 bright), 1 clean" in capsys.readouterr().out
    assert not any("verdict" in line or "calibration" in line for line in lines())
    assert table()[1]["length_px"]
    assert not {"length_mm", "verdict", "rules"} & table()[1].keys()


def test_all_accepted_is_0_and_a_failure_is_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    given[1] = "in/clean.png"
    assert run([*given, *JUDGED]) == 0
    Path("in/broken.png").write_bytes(b"no image")
    given[1] = "in"
    assert run([*given, *JUDGED, "--resume"]) == 2
    said = capsys.readouterr()
    assert said.err.count("error: in/broken.png") == 1
    assert "3 images, 1 of them earlier: 1 accept, 1 review, 1 reject; 1 failed" in said.out
    assert len(lines()) == 3


def test_resuming_ends_with_the_same_lines(given: list[str]) -> None:
    run([*given, *JUDGED])
    whole, tables = lines(), Path("out/results.csv").read_text()
    Path("out/results.jsonl").write_text(
        "\n".join(Path("out/results.jsonl").read_text().splitlines()[:1]) + '\n{"source": "in/scr'
    )
    assert run([*given, *JUDGED, "--resume"]) == 1
    for line in (*whole, *(again := lines())):
        line.pop("seconds")
    assert again == whole
    assert Path("out/results.csv").read_text() == tables


@pytest.mark.parametrize("change", ["rules", "calibration", "command"])
def test_resuming_with_anything_else_is_refused(
    given: list[str], capsys: pytest.CaptureFixture[str], change: str
) -> None:
    run([*given, *JUDGED])
    capsys.readouterr()
    arguments = [*given, *JUDGED, "--resume"]
    if change == "rules":
        Path("rules.yaml").write_text(RULES.replace("min: 3", "min: 5"))
        expected = "its results were made with --rules rules.yaml (sha256"
    elif change == "calibration":
        Path("cal.yaml").write_text(Path("cal.yaml").read_text().replace("0.1", "0.2"))
        expected = "--calibration line-3 (0.1 x 0.1 mm a pixel), not line-3 (0.2 x 0.2 mm a pixel)"
    else:
        arguments = ["predict", *given[1:], "--resume"]
        expected = "command inspect, not predict"
    assert run(arguments) == 2
    assert expected in capsys.readouterr().err
    assert len(lines()) == 3


@pytest.mark.parametrize(
    ("calibration", "rules", "more", "expected"),
    [
        ("0.0", RULES, [], "cal.yaml: mm_per_px_x (0.0): input should be greater than 0"),
        ("0.1", RULES, ["--calibration-id", "line-4"], "the calibration is of 'line-3', not of 'line-4'"),
        ("0.1", RULES.replace("min: 3", "min: 3, max: 2"), [], "rules.yaml, line 3"),
        ("0.1", RULES.replace("length_mm", "class: rust\n    length_mm"), [], "rust"),
        (
            "0.1",
            "rules:\n  - {name: one, then: reject}\n  - {name: two, then: review}\n",
            [],
            "rules.yaml, line 3: rule 'two' says review where 'one' says reject, for the same defects (line 2)",
        ),
    ],
)
def test_bad_files_are_one_line_before_any_work(
    given: list[str],
    capsys: pytest.CaptureFixture[str],
    calibration: str,
    rules: str,
    more: list[str],
    expected: str,
) -> None:
    Path("cal.yaml").write_text(Path("cal.yaml").read_text().replace("0.1", calibration))
    Path("rules.yaml").write_text(rules)
    capsys.readouterr()
    assert run([*given, *JUDGED, *more]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert not Path("out").exists()


def test_rules_in_mm_need_a_calibration(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*given, "--rules", "rules.yaml"]) == 2
    assert "limits length_mm, and there is no calibration. Give --calibration" in capsys.readouterr().err
    assert run([*given, "--calibration-id", "line-3"]) == 2


def test_the_size_of_a_pixel_travels_in_the_weights(
    given: list[str], bright_weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    size = PixelSize(id="line-9", mm_per_px_x=0.1, mm_per_px_y=0.1)
    weights = bright_weights(imgsz=(64, 64), name="bright-line-9", calibration=size)
    given = [str(weights) if Path(word).suffix == ".onnx" else word for word in given]
    assert run([*given, "--rules", "rules.yaml"]) == 1
    assert {row["calibration"] for row in table()} == {"line-9"}
    capsys.readouterr()
    assert run([*given, *JUDGED, "--overwrite"]) == 2
    assert (
        "--calibration cal.yaml: the calibration is of 'line-3', and the weights were exported for 'line-9'. "
        "Give the calibration of 'line-9', or confirm with --calibration-id line-3"
    ) in capsys.readouterr().err
    assert run([*given, "--rules", "rules.yaml", "--calibration-id", "line-3", "--overwrite"]) == 2
    assert "the calibration is of 'line-9', not of 'line-3'" in capsys.readouterr().err
    assert run([*given, *JUDGED, "--calibration-id", "line-3", "--overwrite"]) == 1
    assert {row["calibration"] for row in table()} == {"line-3"}


def test_a_zone_outside_one_image_does_not_spoil_the_others(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("in/tall.png", surface((8, 90, 4, 4), height=128))
    Path("rules.yaml").write_text(
        "zones:\n  foot: {rows: [80, 128]}\nrules:\n  - {name: low, zone: foot, then: reject}\n"
    )
    assert run([*given, "--rules", "rules.yaml"]) == 2
    assert capsys.readouterr().err.count("zone 'foot' lies outside the image") == 3
    assert [(line["source"], line["verdict"]["outcome"]) for line in lines()] == [("in/tall.png", "reject")]


def test_a_full_disk_keeps_what_is_done(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = folders.write_image, []

    def full(path: Path, image: np.ndarray) -> None:
        asked.append(path)
        if len(asked) >= 4:  # from the overlay of the second image on
            raise folders.output_error(OSError(errno.ENOSPC, "No space left on device"), path)
        real(path, image)

    monkeypatch.setattr(folders, "write_image", full)
    assert run([*given, *JUDGED]) == 2
    assert "no space left on device. Free some space" in capsys.readouterr().err
    assert [line["source"] for line in lines()] == ["in/clean.png"]
    monkeypatch.setattr(folders, "write_image", real)
    assert run([*given, *JUDGED, "--resume"]) == 1
    assert [line["source"] for line in lines()] == ["in/clean.png", "in/scratch.png", "in/speck.png"]


def test_a_strip(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = surface((8, 100, 3, 900), (40, 2000, 6, 6), height=3000)
    tifffile.imwrite("strip.tif", rows, photometric="minisblack")
    given[1] = "strip.tif"
    assert run([*given, *JUDGED, "--strip"]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        "REJECT strip.tif: long scratch, 1 defect: length_mm 90 (min 3)",
        "1 strip (3,000 rows): 0 accept, 0 review, 1 reject",
    ]
    (line,) = lines()
    assert (line["width"], line["height"], line["files"]) == (64, 3000, {"strip": "strips/strip"})
    assert [defect["contrast"] for defect in line["defects"]] == pytest.approx([220 / 255] * 2, abs=1e-5)
    drawn = sum(rle.decode(defect["segmentation"]) for defect in line["defects"])
    np.testing.assert_array_equal(drawn, rows > 128)
    assert [row["length_mm"] for row in table()] == ["90.0", "0.6"]
    assert run([*given, *JUDGED, "--strip", "--resume"]) == 1  # and nothing is done twice
    assert lines() == [line]


def test_a_strip_stands_out_as_the_whole_image_does(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    image = surface((8, 0, 3, 900), (20, 400, 6, 6), (40, 1100, 8, 2), height=1200)
    image[:, :] = np.where(image < 128, image + np.arange(1200)[:, None] // 20, image)  # the light changes
    write_image("strip.png", image)
    Path("faint.yaml").write_text("rules:\n  - name: faint\n    contrast: {max: 0.7}\n    then: review\n")
    given[1] = "strip.png"
    rules = ["--rules", "faint.yaml", "--tile", "auto"]
    assert run([*given, *rules]) == 1
    assert run([*given[:-1], "rows", *rules, "--strip"]) == 1
    (whole,), (strip,) = lines(), lines("rows")

    def contrasts(record: dict[str, Any]) -> dict[tuple[int, ...], float]:
        return {tuple(defect["box"]): defect["contrast"] for defect in record["defects"]}

    assert contrasts(strip) == contrasts(whole)
    assert len(set(contrasts(strip).values())) == 3
    assert strip["verdict"]["reason"] == whole["verdict"]["reason"]
    assert "faint, 1 defect: contrast 0.6" in strip["verdict"]["reason"]


@pytest.mark.parametrize("name", ["strip.tif", "strip.raw"])
def test_the_rows_of_a_strip_are_counted_from_the_start(
    given: list[str], name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = surface((8, 100, 3, 900), height=1200)
    if name.endswith("tif"):
        tifffile.imwrite(name, rows, photometric="minisblack")
    else:
        rows.tofile(name)
        given += ["--width", "64"]
    given[1] = name
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, to rich
    capfd.readouterr()
    assert run([*given, "--strip"]) == 0
    said = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", capfd.readouterr().err)
    counted = [int(done) for done in re.findall(rf"{name}, rows .*?(\d+)/1200", said)]
    assert (counted[0], counted[-1]) == (0, 1200)


def test_of_a_labelled_dataset_only_the_images_are_inspected(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("clean", "scratch", "speck"):
        write_image(f"in/masks/{name}.png", surface())
    Path("in/images").mkdir()
    for file in Path("in").glob("*.png"):
        file.rename(Path("in/images") / file.name)
    for verb in ("inspect", "predict"):
        capsys.readouterr()
        assert run([verb, *given[1:-1], verb, "--json", "report.json"]) == 0
        note = "in holds images/ and masks/; only images/ is inspected"
        assert capsys.readouterr().err == f"note: {note}\n"
        assert [line["source"] for line in lines(verb)] == [
            f"in/images/{name}.png" for name in ("clean", "scratch", "speck")
        ]
        assert json.loads(Path("report.json").read_text())["notes"] == [note]


def test_a_strip_cut_short_goes_on_when_it_is_whole(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = surface((8, 100, 3, 900), height=1200)
    tifffile.imwrite("strip.tif", rows, photometric="minisblack")
    whole = Path("strip.tif").read_bytes()
    Path("strip.tif").write_bytes(whole[:-32000])
    given[1] = "strip.tif"
    assert run([*given, *JUDGED, "--strip"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "strip.tif" in said
    assert lines() == []
    Path("strip.tif").write_bytes(whole)
    assert run([*given, *JUDGED, "--strip", "--resume"]) == 1
    assert [defect["length_px"] for defect in lines()[0]["defects"]] == [900.0]


def test_a_raw_strip_cut_between_two_rows(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = surface((8, 100, 3, 900), height=1200)
    rows[:600].tofile("coil.raw")
    given[1] = "coil.raw"
    given += [*JUDGED, "--strip", "--width", "64"]
    assert run([*given, "--rows", "1200"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "error: coil.raw: the file ends after 600 of 1200 rows; they were inspected. "
        "When the whole file is there, go on with --resume\n"
    )
    assert lines() == []
    rows.tofile("coil.raw")
    assert run([*given, "--rows", "599", "--resume"]) == 2
    assert "coil.raw: holds 76,800 bytes, more than 599 rows of 64 bytes. " in capsys.readouterr().err
    assert run([*given, "--rows", "1200", "--resume"]) == 1
    assert [defect["length_px"] for defect in lines()[0]["defects"]] == [900.0]
    assert run([*given, "--rows", "1300", "--resume"]) == 2
    assert "coil.raw: was inspected earlier as a strip of 1200 rows, not 1300" in capsys.readouterr().err


def test_background_of_a_strip_is_skipped_and_said(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    even = np.random.default_rng(0).normal(60, 5, (3000, 64)).clip(0, 255).astype(np.uint8)
    even[2000:2040, 20:23] = 240
    even.tofile("coil.raw")
    given[1] = "coil.raw"
    strip = [*given, "--strip", "--width", "64", "--skip-background"]
    capsys.readouterr()
    assert run([*strip, "1", "--report", "--json", "told.json"]) == 0
    (line,) = lines()
    background = json.loads(Path("out/strips/coil/strip.json").read_text())["background"]
    assert line["background"] == background
    assert (background["tiles"], background["level"]) == (63, 1.0)  # steps of 48 rows
    assert 63 > background["skipped"] > 30
    said = f"{background['skipped']} of 63 tiles skipped as background (level 1), seen by nobody"
    assert capsys.readouterr().out.splitlines()[0] == f"coil.raw: {said}"
    assert f"<dt>Skipped</dt><dd>of coil.raw: {said}</dd>" in Path("out/report.html").read_text("utf-8")
    told = json.loads(Path("told.json").read_text())
    assert told["settings"]["skip_background"] == 1.0
    assert told["results"][0]["background"] == background
    assert run(["report", "out/strips/coil"]) == 0
    assert said in Path("out/strips/coil/report.html").read_text("utf-8")
    assert [defect["box"] for defect in line["defects"]] == [[20, 2000, 3, 40]]
    for other, was in ((["2"], "1.0, not 2.0"), ([], "1.0, not none")):
        arguments = [*strip, *other] if other else strip[:-1]
        assert run([*arguments, "--resume"]) == 2
        assert f"its results were made with --skip-background {was}" in capsys.readouterr().err
    assert run([*strip, "1", "--resume"]) == 0
    assert said in capsys.readouterr().out
    assert run([*strip[:-1], "--overwrite"]) == 0
    assert "skipped" not in capsys.readouterr().out
    assert "background" not in lines()[0]


def test_background_is_not_skipped_in_images(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run([*given, "--skip-background", "1"]) == 2
    assert capsys.readouterr().err.endswith(
        "error: --skip-background: applies to strips only. Add --strip, or leave it out\n"
    )
    assert not Path("out").exists()
    monkeypatch.setattr("flawscope.inspect.strip_records.STRIP_BYTES", 2000)
    tifffile.imwrite("in/strip.tif", surface((8, 8, 4, 4), height=300), photometric="minisblack")
    run([*given, "--skip-background", "1"])
    assert (
        "note: --skip-background does not apply to in/clean.png and 2 more, inspected whole"
        in capsys.readouterr().err
    )
    assert len(lines()) == 4
    assert ["background" in line for line in lines()] == [False, False, False, True]


def pictures(page: str) -> list[np.ndarray]:
    """What the gallery shows, blue first."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', Path(page).read_text(encoding="utf-8"))
    return [cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR) for one in found]


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        (["--rows", "1200"], {"dtype": "uint8", "channels": 1, "rows": 1200}),
        (["--dtype", ">u2", "--white", "4095"], {"dtype": ">u2", "channels": 1, "white": 4095}),
        (["--channels", "3"], {"dtype": "uint8", "channels": 3}),
    ],
)
def test_the_page_of_a_raw_strip_shows_its_defects(
    given: list[str], options: list[str], stored: dict[str, Any]
) -> None:
    rows = surface((8, 300, 3, 600), (40, 1000, 10, 10), height=1200)
    rows[1100:, :] = 60
    if "--white" in options:
        (rows.astype(int) * 16).astype(">u2").tofile("coil.raw")
    else:
        np.repeat(rows[:, :, None], stored["channels"], axis=2).tofile("coil.raw")
    given[1] = "coil.raw"
    assert run([*given, "--strip", "--width", "64", *options, "--report"]) == 0
    for folder in ("out", "out/strips/coil"):
        assert run(["report", folder, "--out", f"{Path(folder).name}.html"]) == 0
    read_with = {"width": 64, **stored}
    assert json.loads(Path("out/strips/coil/strip.json").read_text())["read_with"] == read_with
    assert lines()[0]["read_with"] == read_with
    for page in ("out/report.html", "out.html", "coil.html"):
        assert "could not be read again" not in Path(page).read_text(encoding="utf-8")
        scratch, spot = pictures(page)
        assert scratch.shape[:2] == (640, 46)  # all columns, 900 rows from 150 above it on
        top, left = 1000 - 24, 40 - 24
        assert spot.shape == (58, 48, 3)
        shown = spot[:, :, 1].astype(int)
        expected = rows[top : top + 58, left:].astype(int)
        assert abs(shown - expected).mean() < 3
        assert shown[30, 30] > 200 > 100 > shown[5, 5]
    Path("coil.raw").write_bytes(b"\0" * 64 * 50)
    assert run(["report", "out"]) == 0  # and says so where the file is another by now
    text = Path("out/report.html").read_text(encoding="utf-8")
    assert "1 could not be read again for this page, the first: coil.raw: rows 150 to 1049 were there" in text


def test_another_strip_is_not_gone_on_with(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = surface((8, 100, 3, 2900), height=4000)
    rows[:3000].tofile("coil.raw")
    given[1] = "coil.raw"
    given += ["--strip", "--width", "64", "--rows", "4000"]
    assert run(given) == 2
    rows[5, 5] += 1
    rows.tofile("coil.raw")
    capsys.readouterr()
    assert run([*given, "--resume"]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"error: coil.raw: not the strip that was begun in out/strips/coil: its first [\d,]+ rows are others. "
        "Resume with the same strip, begin again with --overwrite, or choose another --out\n",
        said,
    )
    assert lines() == []
    assert run([*given, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--probabilities"], "--probabilities: does not apply to strips. Leave it out"),
        (["--overlays"], "--overlays: does not apply to strips"),
        (["--every", "2", "--limit", "1"], "--every, --limit: do not apply to strips. Leave them out"),
        (["--binarize", "otsu"], "--binarize otsu: Otsu's threshold needs the whole image"),
    ],
)
def test_what_does_not_apply_to_strips_is_refused_before_a_folder_is_made(
    given: list[str],
    options: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tifffile.imwrite("in/strip.tif", surface((8, 8, 4, 4), height=300), photometric="minisblack")
    strip = [*given[:1], "in/strip.tif", *given[2:], "--strip"]
    assert run([*strip, *options]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not Path("out").exists()
    monkeypatch.setattr(
        "flawscope.inspect.strip_records.STRIP_BYTES", 2000
    )  # beside images it spoils nothing
    run([*given, *options])
    assert "in/clean.png" in [found["source"] for found in lines()]
    assert "strip" in capsys.readouterr().err
    assert run([*strip, "--no-overlays", "--overwrite"]) == 0


def test_large_files_are_strips(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flawscope.inspect.strip_records.STRIP_BYTES", 2000)
    tifffile.imwrite("in/strip.tif", surface((8, 8, 4, 4), height=300), photometric="minisblack")
    assert run([*given, *JUDGED]) == 1
    assert [line["source"] for line in lines() if "strip" in line["files"]] == ["in/strip.tif"]
    assert len(lines()) == 4


def test_a_strip_seen_whole_is_not_accepted(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of 64 x 1,280 px seen at 64 x 64, a scratch of two rows is gone; tiles and --strip find it."""
    write_image(Path("in/coil.png"), surface((20, 600, 30, 2), height=1280))
    given[1] = "in/coil.png"
    capsys.readouterr()
    told = "in/coil.png was seen at 1/20 of its size, where defects vanish: use --tile auto or --strip, or "
    told = f"note: {told}--allow-reduction for weights trained so"
    assert run([*given, *JUDGED, "--report", "--json", "report.json"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == [
        "REVIEW in/coil.png: seen at 1/20 of its size: use --tile auto or --strip",
        "1 image: 0 accept, 1 review, 0 reject",
    ]
    assert told in said.err.splitlines()
    (line,) = lines()
    assert line["defects"] == []
    assert line["reduction"] == {"factor": 20.0, "limit": 4.0, "allowed": False}
    assert line["verdict"]["findings"] == [
        {
            "rule": "image reduced",
            "outcome": "review",
            "line": None,
            "defects": [],
            "limits": {"reduction": {"min": 4.0}},
            "measured": {"reduction": 20.0},
        }
    ]
    assert told.removeprefix("note: ") in json.loads(Path("report.json").read_text())["notes"]
    page = Path("out/report.html").read_text()
    assert "was seen at 1/20 of its size" in page
    assert "image reduced" in page
    assert run(["report", "out", "--out", "again.html"]) == 0
    assert "was seen at 1/20 of its size" in Path("again.html").read_text()

    for way in (["--tile", "auto"], ["--strip"]):
        assert run([*given, *JUDGED, *way, "--overwrite"]) == 1
        assert lines()[0]["verdict"]["outcome"] == "reject"
        assert "reduction" not in lines()[0]


def test_a_reduction_that_is_meant(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("in/coil.png"), surface(height=1280))
    given[1] = "in/coil.png"
    assert run([*given, *JUDGED, "--allow-reduction", "--report"]) == 0
    assert "was seen at" not in capsys.readouterr().err
    assert lines()[0]["reduction"]["allowed"] is True
    assert "1/20 of its size, as --allow-reduction says" in Path("out/report.html").read_text()
    assert run([*given, *JUDGED, "--resume"]) == 2
    assert "--allow-reduction True, not none" in capsys.readouterr().err


def test_a_reduced_image_without_rules_is_noted(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("in/coil.png"), surface(height=1280))
    write_image(Path("in/large.png"), np.zeros((577, 577), np.uint8))
    told = "note: 2 images were seen at down to 1/20 of their size, where defects vanish"
    for verb in ("inspect", "predict"):
        assert run([verb, *given[1:], "--overwrite"]) == 0
        err = capsys.readouterr().err
        assert err.count(told) == 1
        assert err.count("vanish") == 1
