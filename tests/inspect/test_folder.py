"""The folder of results: what a line promises, and what resuming and overwriting may touch."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from flawscope.data import rle
from flawscope.errors import OutputError, UsageError
from flawscope.images import read_image
from flawscope.inspect.folder import Wanted, open_results, read_results
from flawscope.results import InspectionResult, find_defects

MASK = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 0, 0, 0]], dtype=np.uint8)
IMAGE = np.full((3, 4, 3), 90, dtype=np.uint8)
LABELS = ("pit", "crack")


def result(
    source: str = "a.png", mask: np.ndarray = MASK, labels: tuple[str, ...] = LABELS
) -> InspectionResult:
    probability = np.stack([(mask == number) * 0.75 for number in range(1, len(labels) + 1)]).astype(
        np.float32
    )
    return InspectionResult(source, mask, labels, find_defects(mask, labels, probability), 0.5, probability)


def test_files_lines_and_tables(tmp_path: Path) -> None:
    folder = open_results(tmp_path / "out", Wanted(probabilities=True))
    folder.add(result(), IMAGE, "deep/a")
    folder.add(result("clean.png", MASK * np.uint8(0)), IMAGE, "clean")
    folder.finish()
    root = tmp_path / "out"
    np.testing.assert_array_equal(read_image(root / "masks/deep/a.png")[:, :, 0], MASK)
    assert read_image(root / "overlays/deep/a.jpg").shape == (3, 4, 3)
    stored = read_image(root / "probabilities/deep/a.crack.png")
    assert stored.dtype == np.uint16
    assert stored[2, 0, 0] == round(0.75 * 65535)

    first, second = read_results(root / "results.jsonl")
    assert first["files"] == {
        "mask": "masks/deep/a.png",
        "overlay": "overlays/deep/a.jpg",
        "probabilities": ["probabilities/deep/a.pit.png", "probabilities/deep/a.crack.png"],
    }
    assert (second["source"], second["defects"], second["key"]) == ("clean.png", [], "clean")

    with (root / "results.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["source"], row["defect"], row["label"], row["area_px"]) for row in rows] == [
        ("a.png", "1", "pit", "4"),
        ("a.png", "2", "crack", "1"),
        ("clean.png", "0", "", ""),
    ]
    assert [rows[0][name] for name in ("x", "y", "width", "height")] == ["2", "0", "2", "2"]

    coco = json.loads((root / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["a.png", "clean.png"]
    assert coco["categories"] == [{"id": 1, "name": "pit"}, {"id": 2, "name": "crack"}]
    assert [entry["id"] for entry in coco["annotations"]] == [1, 2]
    drawn = np.zeros_like(MASK)
    for entry in coco["annotations"]:
        drawn[rle.decode(entry["segmentation"]) > 0] = entry["category_id"]
    np.testing.assert_array_equal(drawn, MASK)
    assert coco["annotations"][0]["bbox"] == [2, 0, 2, 2]


def test_class_names_never_leave_the_folder(tmp_path: Path) -> None:
    folder = open_results(tmp_path / "out", Wanted(masks=False, overlays=False, probabilities=True))
    record = folder.add(result(labels=("/../../../evil", "a:b?")), IMAGE, "a")
    assert record["files"]["probabilities"] == [
        "probabilities/a._.._.._.._evil.png",
        "probabilities/a.a_b_.png",
    ]
    assert sorted(path.name for path in (tmp_path / "out" / "probabilities").iterdir()) == [
        "a._.._.._.._evil.png",
        "a.a_b_.png",
    ]


def test_one_class_masks_are_black_and_white(tmp_path: Path) -> None:
    folder = open_results(tmp_path, Wanted(overlays=False))
    folder.add(result(mask=(MASK == 1).astype(np.uint8), labels=("pit",)), IMAGE, "a")
    assert np.unique(read_image(tmp_path / "masks/a.png")).tolist() == [0, 255]
    assert not (tmp_path / "overlays").exists()


def test_results_are_not_overwritten_unasked(tmp_path: Path) -> None:
    open_results(tmp_path, Wanted()).add(result(), IMAGE, "a")
    with pytest.raises(UsageError, match=r"already holds results of 1 image\. Go on with --resume"):
        open_results(tmp_path, Wanted())


def test_an_attempt_without_results_blocks_nothing(tmp_path: Path) -> None:
    open_results(tmp_path, Wanted(), made_with={"--white": 4095})
    open_results(tmp_path, Wanted(), made_with={"--white": None}).add(result(), IMAGE, "a")
    assert json.loads((tmp_path / "settings.json").read_text()) == {"--white": None}


def test_resuming_with_anything_else_is_refused(tmp_path: Path) -> None:
    before = {"--white": None, "--min-area": 1, "--threshold": 0.62}
    open_results(tmp_path, Wanted(), made_with=before).add(result(), IMAGE, "a")
    assert len(open_results(tmp_path, Wanted(), resume=True, made_with=before).records) == 1
    with pytest.raises(
        UsageError, match=r"made with --white none, not 4095; --min-area 1, not 9\. Give the same"
    ):
        open_results(tmp_path, Wanted(), resume=True, made_with={**before, "--white": 4095, "--min-area": 9})
    (tmp_path / "settings.json").unlink()
    with pytest.raises(UsageError, match=r"nothing says what its results were made with"):
        open_results(tmp_path, Wanted(), resume=True, made_with=before)


def test_masks_of_other_origin_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "precious.png").write_text("ground truth")
    for choice in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match="holds a folder 'masks' that no run of predict has made"):
            open_results(tmp_path, Wanted(), **choice)
    assert (tmp_path / "masks" / "precious.png").read_text() == "ground truth"


def test_overwriting_removes_only_what_the_list_names(tmp_path: Path) -> None:
    folder = open_results(tmp_path / "out", Wanted())
    folder.add(result(), IMAGE, "a")
    folder.finish()
    root = tmp_path / "out"
    (root / "masks" / "mine.png").write_text("mine")
    (tmp_path / "outside.txt").write_text("outside")
    record = json.loads((root / "results.jsonl").read_text())
    record["files"]["mask"] = "masks/../../outside.txt"
    (root / "results.jsonl").write_text(json.dumps(record) + "\n")
    again = open_results(root, Wanted(), overwrite=True)
    assert again.records == []
    assert (root / "results.jsonl").read_text() == ""
    assert not (root / "overlays" / "a.jpg").exists()
    assert not (root / "coco.json").exists()
    assert (root / "masks" / "mine.png").read_text() == "mine"
    assert (tmp_path / "outside.txt").read_text() == "outside"


def test_resuming_forgets_a_line_that_was_cut_short(tmp_path: Path) -> None:
    folder = open_results(tmp_path, Wanted())
    folder.add(result("a.png"), IMAGE, "a")
    folder.add(result("b.png"), IMAGE, "b")
    listed = tmp_path / "results.jsonl"
    listed.write_bytes(listed.read_bytes()[:-40])
    again = open_results(tmp_path, Wanted(), resume=True)
    assert again.done == {"a.png"}
    again.add(result("b.png"), IMAGE, "b")
    assert [record["source"] for record in read_results(listed)] == ["a.png", "b.png"]


def test_resuming_after_a_cut_inside_a_character(tmp_path: Path) -> None:
    folder = open_results(tmp_path, Wanted())
    folder.add(result("a.png"), IMAGE, "a")
    folder.add(result("ö.png"), IMAGE, "b")
    listed = tmp_path / "results.jsonl"
    content = listed.read_bytes()
    listed.write_bytes(content[: content.index("ö".encode()) + 1])
    assert open_results(tmp_path, Wanted(), resume=True).done == {"a.png"}


def test_names_with_line_ends_of_unicode_are_one_line(tmp_path: Path) -> None:
    folder = open_results(tmp_path, Wanted())
    sources = ["a\u2028b.png", "c\x85d.png", "e\nf.png"]
    for number, source in enumerate(sources):
        folder.add(result(source), IMAGE, str(number))
    assert open_results(tmp_path, Wanted(), resume=True).done == set(sources)


def test_an_overlay_too_wide_for_jpeg_is_a_png(tmp_path: Path) -> None:
    mask = np.zeros((1, 65_501), dtype=np.uint8)
    wide = InspectionResult("w.png", mask, ("pit",), (), 0.5)
    record = open_results(tmp_path, Wanted(masks=False)).add(
        wide, np.zeros((1, 65_501, 3), dtype=np.uint8), "w"
    )
    assert record["files"] == {"overlay": "overlays/w.png"}
    assert read_image(tmp_path / "overlays" / "w.png").shape == (1, 65_501, 3)


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    open_results(tmp_path, Wanted()).add(result(), IMAGE, "a")
    listed = tmp_path / "results.jsonl"
    listed.write_text("{}\n" + listed.read_text())
    with pytest.raises(OutputError, match="line 1 is not a result"):
        open_results(tmp_path, Wanted(), resume=True)


def test_a_key_belongs_to_one_source_also_after_resuming(tmp_path: Path) -> None:
    folder = open_results(tmp_path, Wanted())
    assert folder.claim("x/a.png", "a") == "a"
    assert folder.claim("y/A.png", "A") == "A~2"
    assert folder.claim("z/a.png", "a") == "a~3"
    assert folder.claim("x/a.png", "a") == "a"
    folder.add(result("x/a.png"), IMAGE, "a")
    assert open_results(tmp_path, Wanted(), resume=True).claim("other/a.png", "a") == "a~2"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        open_results(tmp_path / "out", Wanted())


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"could not write: file exists\. A file stands where a folder"):
        open_results(tmp_path / "out", Wanted())
