"""The page: complete, self-contained, safe against names, and alive in a browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flawscope.images import write_image
from flawscope.inspect.folder import Wanted, open_results
from flawscope.inspect.report import write_report
from flawscope.inspect.tables import Record
from flawscope.results import InspectionResult, find_defects
from flawscope.segment.description import Description
from flawscope.segment.header import Header

HEADER = Header(
    model="toy", imgsz=(32, 48), labels=("pit", "crack"), provenance={"licence": "research <only>"}
)


def mask(number: int) -> np.ndarray:
    drawn = np.zeros((60, 80), dtype=np.uint8)
    drawn[10 : 10 + 5 * number, 20:30] = 1
    drawn[50, 40 : 40 + 3 * number] = 2
    return drawn


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    folder = open_results(tmp_path / "out", Wanted())
    for number, name in enumerate(["clean.png", "one.png", "b<img src=x onerror=alert(1)>.png", "three.png"]):
        image = np.full((60, 80, 3), 40 + number, dtype=np.uint8)
        path = write_image(tmp_path / "in" / name, image)
        found = find_defects(mask(number), HEADER.labels)
        folder.add(InspectionResult(str(path), mask(number), HEADER.labels, found, 0.5), image, str(number))
    return folder.records


def page(records: list[Record], tmp_path: Path, **options: object) -> str:
    settings = {"threshold": 0.5, "min_area": 1}
    path = write_report(
        tmp_path / "r.html",
        records,
        Description.of_network(HEADER),
        weights="toy",
        settings=settings,
        **options,
    )
    return path.read_text(encoding="utf-8")


def embedded(text: str) -> dict[str, Any]:
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)[0])


def test_everything_is_on_the_page_and_nothing_is_fetched(records: list[Record], tmp_path: Path) -> None:
    text = page(records, tmp_path, failures=["bad.png: broken & torn"])
    assert text.count('<li id="image-') == 4
    assert [row[3] for row in embedded(text)["rows"]] == [150, 100, 50, 9, 6, 3]
    assert "bad.png: broken &amp; torn" in text
    assert "60 x 80" not in text
    assert "80 x 60 px, clean" in text
    assert "research &lt;only&gt;" in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert "http" not in text.replace("http-equiv", "")
    assert f">{(tmp_path / 'in').as_posix()}/<" in text
    assert ">three.png<" in text
    assert re.findall(r'<li id="image-(\d)"', text) == ["4", "3", "2", "1"]  # largest defect first


def test_the_settings_are_told_in_words(records: list[Record], tmp_path: Path) -> None:
    header = HEADER.model_copy(
        update={
            "provenance": {
                "dataset": "steel",
                "training_images": 1486,
                "recipe": "default",
                "seed": 0,
                "epoch": 27,
                "flawscope": "0.1.0",
                "validation": {
                    "images": 54,
                    "iou_fg_image_mean_calibrated": 0.717,
                    "iou_classes_pooled": [0.75],
                },
                "licence": "mine",
                "more": {"a_b": [1, 2]},
            }
        }
    )
    settings = {"threshold": None, "binarize": "threshold", "min_area": 9}
    about = Description.of_network(header)
    path = write_report(tmp_path / "r.html", records, about, weights="toy", settings=settings, white=4095)
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", path.read_text(encoding="utf-8")))
    assert facts["Method"] == "fixed threshold 0.5 (calibrated, from the weights)"
    assert facts["Smallest defect"] == "9 px; smaller regions are left out"
    assert facts["White"] == "stored value 4095"
    assert facts["Trained on"] == "1,486 images of steel, recipe default, seed 0, epoch 27"
    assert facts["Trained with"] == "Flawscope 0.1.0"
    assert (
        facts["Validation"]
        == "mean overlap (IoU) of the defects 71.70\N{NO-BREAK SPACE}% over 54 validation images"
    )
    assert (facts["Licence"], facts["More"]) == ("mine", "a b 1, 2")
    assert not [value for value in facts.values() if "{" in value or "[" in value]
    assert "Page" not in facts
    otsu = write_report(tmp_path / "o.html", records, about, weights="toy", settings={"binarize": "otsu"})
    assert "Otsu&#39;s threshold, chosen for each image" in otsu.read_text(encoding="utf-8")


def test_percentages_are_written_alike(records: list[Record], tmp_path: Path) -> None:
    text = page(records, tmp_path)
    assert "3 defects" not in text
    assert "2 defects, 3.31\N{NO-BREAK SPACE}% of the area" in text  # 150 + 9 of 4800 pixels
    assert embedded(text)["rows"][0][4] == 3.125
    assert not re.findall(r"\d%(?: of|<)", text.partition("<body>")[2])


def test_names_cannot_smuggle_markup(records: list[Record], tmp_path: Path) -> None:
    text = page(records, tmp_path)
    assert "<img src=x" not in text
    assert "b&lt;img src=x onerror=alert(1)&gt;.png" in text
    assert embedded(text)["names"][2] == "b<img src=x onerror=alert(1)>.png"


def test_a_name_cannot_end_the_embedded_data(records: list[Record], tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>&amp;.png"
    records[1]["source"] = name
    records[1]["labels"] = records[1]["labels"] + ["<!--<script>"]
    text = page(records, tmp_path)
    assert "alert(1)</script>" not in text
    assert "<!--<script>" not in text
    data = embedded(text)
    assert name in data["names"]
    assert data["labels"][2] == "<!--<script>"


def test_the_painted_layer_shows_the_defects_where_they_are(records: list[Record], tmp_path: Path) -> None:
    text = page(records, tmp_path)
    layers = re.findall(r'class="paint" src="data:image/png;base64,([^"]+)"', text)
    assert len(layers) == 3
    painted = cv2.imdecode(np.frombuffer(base64.b64decode(layers[0]), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(painted[:, :, 3] > 0, mask(3) > 0)
    assert painted[50, 41, :3].tolist() == [3, 183, 255]  # the second colour, blue first


def test_thin_defects_survive_the_thumbnail(tmp_path: Path) -> None:
    wide = np.zeros((100, 6400), dtype=np.uint8)
    wide[50, 1000:3000] = 1
    image = write_image(tmp_path / "wide.png", np.zeros((100, 6400), np.uint8))
    folder = open_results(tmp_path / "out", Wanted())
    found = find_defects(wide, HEADER.labels)
    folder.add(
        InspectionResult(str(image), wide, HEADER.labels, found, 0.5), np.zeros((100, 6400, 3), np.uint8), "w"
    )
    text = page(folder.records, tmp_path)
    (layer,) = re.findall(r'class="paint" src="data:image/png;base64,([^"]+)"', text)
    painted = cv2.imdecode(np.frombuffer(base64.b64decode(layer), np.uint8), cv2.IMREAD_UNCHANGED)
    assert painted.shape == (10, 640, 4)
    assert int((painted[:, :, 3] > 0).any(axis=0).sum()) >= 199


def test_a_source_that_went_away_is_said(records: list[Record], tmp_path: Path) -> None:
    Path(records[1]["source"]).unlink()
    text = page(records, tmp_path)
    assert "1 could not be read again for this page" in text
    assert text.count('<li id="image-') == 3


def test_no_images_at_all(tmp_path: Path) -> None:
    text = page([], tmp_path)
    assert "No defect was found." in text


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(path: Path, profile: Path, *options: str) -> str:
    switches = ("gpu", "quic", "background-networking", "component-update", "sync")
    flags = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in switches)]
    ran = subprocess.run(
        [str(CHROMIUM), *flags, f"--user-data-dir={profile}", *options, path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


DRIVE = """<script>
  addEventListener("load", function () {
    function set(id, value, kind) {
      document.getElementById(id).value = value;
      document.getElementById(id).dispatchEvent(new Event(kind));
    }
    STEPS
  });
</script></body>"""


def drive(path: Path, steps: str, profile: Path) -> str:
    driven = path.with_name("driven.html")
    whole = path.read_text(encoding="utf-8")
    driven.write_text(whole.replace("</body>", DRIVE.replace("STEPS", steps)), encoding="utf-8")
    return browse(driven, profile, "--dump-dom")


def cells(dom: str, column: int) -> list[str]:
    body = dom.partition('<table id="table">')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body)
    return [re.sub("<.*?>", "", re.findall(r"<td.*?</td>", row)[column]) for row in rows]


def sorted_by(dom: str) -> list[tuple[str, str]]:
    return re.findall(r'aria-sort="(\w+)"[^>]*><button type="button">([^<]+)', dom)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_lives_in_a_browser(records: list[Record], tmp_path: Path) -> None:
    page(records, tmp_path)
    still = browse(tmp_path / "r.html", tmp_path / "p1", "--dump-dom")
    assert sorted_by(still) == [("descending", "Area (px)")]
    assert ">6 of 6 defects<" in still
    assert cells(still, 3) == ["150", "100", "50", "9", "6", "3"]
    assert cells(still, 0)[2:] == [
        "one.png",
        "three.png",
        "b&lt;img src=x onerror=alert(1)&gt;.png",
        "one.png",
    ]
    assert [path.count("M") for path in re.findall(r'<path d="([^"]+)"[^>]*class="mark "', still)] == [3, 3]

    steps = """
      document.querySelectorAll("th button")[5].click();
      set("filter", "THREE", "input");
      set("which", "clean", "change");
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "o" }));
    """
    driven = drive(tmp_path / "r.html", steps, tmp_path / "p2")
    assert sorted_by(driven) == [("descending", "x")]
    assert ">2 of 6 defects<" in driven
    assert cells(driven, 3) == ["9", "150"]
    assert 'class="no-overlay"' in driven
    assert len(re.findall(r'<li id="image-\d" data-defects="\d" hidden', driven)) == 3


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_table_writes_three_digits_and_no_zeros_behind_a_thousand(
    records: list[Record], tmp_path: Path
) -> None:
    for record in records:
        record["calibration"] = {"id": "line-3", "mm_per_px_x": 1.0, "mm_per_px_y": 1.0}
        record["defects"] = record["defects"][:1]
        for defect in record["defects"]:
            area = {150: 2948.0, 100: 29.484, 50: 0.02914}[defect["area_px"]]
            sizes = {"length_px": area, "length_mm": area, "width_max_mm": 0.5, "area_mm2": area}
            defect.update(sizes, orientation_deg=90.0, contrast=None, centroid=[20.0, 10.0])
    page(records, tmp_path)
    dom = browse(tmp_path / "r.html", tmp_path / "p", "--dump-dom")
    assert cells(dom, 3) == ["2,948", "29.5", "0.03"]  # lengths, to a hundredth of a millimetre
    assert cells(dom, 5) == ["2,948", "29.5", "0.029"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_ten_thousand_defects_come_in_pages(records: list[Record], tmp_path: Path) -> None:
    (defect,) = [defect for defect in records[3]["defects"] if defect["label"] == "pit"]
    records[3]["defects"] = [{**defect, "area_px": area + 1} for area in range(10_000)]
    page(records, tmp_path)
    steps = 'document.getElementById("after").click(); set("least", "9000", "input");'
    still = browse(tmp_path / "r.html", tmp_path / "p1", "--dump-dom")
    assert cells(still, 3)[:2] + cells(still, 3)[-1:] == ["10,000", "9,999", "9,901"]
    assert ">Rows 1 to 100 of 10,004<" in still
    turned = drive(tmp_path / "r.html", steps.partition(" set")[0], tmp_path / "p2")
    assert cells(turned, 3)[0] == "9,900"
    assert ">Rows 101 to 200 of 10,004<" in turned
    few = drive(tmp_path / "r.html", steps, tmp_path / "p3")
    assert ">1,001 of 10,004 defects<" in few
    printing = steps + 'dispatchEvent(new Event("beforeprint"));'
    printed = drive(tmp_path / "r.html", printing, tmp_path / "p4")
    assert len(cells(printed, 3)) == 1000
    assert "Printed: the first 1,000 of 1,001 defects" in printed


SPOT = "document.querySelector('.spot')"
FOCUSED = f"document.activeElement === {SPOT}"
NAME = f"{SPOT}.getAttribute('aria-label')"
SAID = "document.getElementById('picked').textContent"
RING = f"getComputedStyle({SPOT}.lastChild).visibility"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_marks_answer_to_keys(records: list[Record], tmp_path: Path, script: Callable[[str], Any]) -> None:
    page(records, tmp_path)
    with script("report_page").browser() as browser:
        browser.open(tmp_path / "r.html")
        stops = []
        for _ in range(40):
            browser.press("Tab", 9)
            stops.append(browser.value(FOCUSED))
            if browser.value("document.activeElement.id === 'overlay'"):
                break
        assert stops.count(True) == 1  # six marks are one stop
        browser.press("Tab", 9, modifiers=8)  # with shift: back
        assert browser.value(FOCUSED)
        assert browser.value(NAME).startswith("three.png: pit, ")  # the largest
        assert browser.value(RING) == "visible"
        tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
        named = {node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "button"}
        assert browser.value(NAME) in named

        def go(key: str, code: int) -> str:
            browser.press(key, code)
            assert browser.value(FOCUSED)
            return str(browser.value(NAME)).partition(", Score")[0]

        # pits are left of cracks, smaller ones end higher up; of cracks, smaller ones end further left
        assert go("Home", 36) == "one.png: pit"
        order = [go("ArrowRight", 39) for _ in range(6)]
        markup = "b<img src=x onerror=alert(1)>.png"
        assert order == [
            f"{markup}: pit", "three.png: pit", "one.png: crack", f"{markup}: crack", "three.png: crack",
            "three.png: crack",
        ]  # fmt: skip
        assert go("ArrowLeft", 37) == f"{markup}: crack"
        assert go("ArrowUp", 38) == "one.png: crack"
        assert go("ArrowUp", 38) == "three.png: pit"
        assert go("ArrowDown", 40) == "one.png: crack"
        assert go("End", 35) == "three.png: crack"
        browser.ask(
            "Input.dispatchKeyEvent", type="keyDown", key="Enter", windowsVirtualKeyCode=13, text="\r"
        )
        by_key = browser.value(SAID)
        assert by_key == browser.value(NAME)
        go("ArrowLeft", 37)
        top = browser.value("scrollY")
        browser.press(" ", 32, " ")
        assert browser.value(SAID) == browser.value(NAME) != by_key
        assert browser.value("scrollY") == top

        click = f"""(() => {{ const box = {SPOT}.getBoundingClientRect();
            document.getElementById("marks").dispatchEvent(new MouseEvent("click", {{ bubbles: true, detail: 1,
              clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }})); }})()"""
        go("End", 35)
        browser.value(click)
        assert browser.value(SAID) == by_key

        none = 'filter.value = "nothing"; filter.dispatchEvent(new Event("input"));'
        browser.value(f'(() => {{ const filter = document.getElementById("filter"); {none} }})()')
        assert browser.value(f"{SPOT} === null")
