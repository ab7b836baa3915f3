import csv
import json

import numpy as np
import pytest

from flawscope.evaluate import Overlays, evaluate, write_evaluation
from flawscope.evaluate.overlays import _legend, _sheet, paint, panel
from flawscope.images import read_image


@pytest.fixture
def judged(small_set, brightness):
    seen = []
    evaluate(brightness(), small_set, watch=seen.append)
    return seen


def test_files(small_set, brightness, tmp_path) -> None:
    evaluation = evaluate(brightness(), small_set)
    written = write_evaluation(evaluation, tmp_path / "out")
    assert [file.name for file in written] == [
        "evaluation.json",
        "per_image.csv",
        "threshold_curve.csv",
        "threshold_curve.png",
        "detection_by_size.png",
        "reliability.png",
    ]
    with (tmp_path / "out" / "per_image.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["name"] for row in rows] == ["images/a", "images/b", "images/c", "images/clean"]
    assert rows[2]["iou_fg"] == "0.25"
    assert rows[3]["recall_fg"] == ""  # undefined
    assert rows[3]["subset"] == ""
    with (tmp_path / "out" / "threshold_curve.csv").open(newline="") as opened:
        points = list(csv.DictReader(opened))
    assert len(points) == 99
    assert (points[49]["threshold"], points[49]["iou_fg_image_mean"]) == ("0.5", "0.5625")
    assert points[59]["iou_fg_image_mean"] == "0.8125"
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert content["schema"] == "flawscope/evaluation/1"
    picture = read_image(tmp_path / "out" / "threshold_curve.png")
    assert picture.shape[1] > picture.shape[0] > 300


def test_colours(judged) -> None:
    partly = judged[2]  # truth 6x6 at (2, 20), answer its upper left 3x3
    picture = paint(partly)
    assert picture[3, 21].tolist() == [255, 255, 255]
    assert picture[6, 24].tolist() == [0, 255, 0]
    assert picture[15, 5].tolist() == [0, 0, 0]
    assert paint(judged[3])[0, 0].tolist() == [255, 0, 0]
    blended = paint(judged[3], "image")
    assert blended[0, 0].tolist() == [round(140 * 0.4 + 255 * 0.6), 56, 56]
    assert blended[9, 9].tolist() == [0, 0, 0]
    assert panel(partly).shape == (24, 3 * 32 + 2 * 2, 3)


def test_the_worst_come_first(judged, tmp_path) -> None:
    chooser = Overlays(tmp_path / "worst", wanted=2, total=4)
    for one in judged:
        chooser.watch(one)
    names = [file.name for file in chooser.write()]
    assert names == ["01_iou0.000_images_clean.png", "02_iou0.250_images_c.png", "sheet.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "worst" / names[1]), panel(judged[2]))


def test_an_even_choice(judged, tmp_path) -> None:
    chooser = Overlays(tmp_path / "spread", wanted=2, total=4, choice="spread")
    for one in judged:
        chooser.watch(one)
    assert [file.name for file in chooser.write()] == [
        "01_iou1.000_images_a.png",
        "02_iou0.250_images_c.png",
        "sheet.png",
    ]
    for one in judged[:2]:
        again = Overlays(tmp_path / "spread", wanted=1, total=1)
        again.watch(one)
        again.write()
    # only the last evaluation is there
    assert sorted(file.name for file in (tmp_path / "spread").iterdir()) == [
        "01_iou1.000_images_b.png",
        "sheet.png",
    ]
    every = Overlays(tmp_path / "all", wanted=99, total=4, choice="spread")
    for one in judged:
        every.watch(one)
    assert len(every.write()) == 5


def test_a_long_strip_does_not_blow_up_the_sheet() -> None:
    strip, square = np.full((64, 60_000, 3), 200, np.uint8), np.full((100, 100, 3), 100, np.uint8)
    sheet = _sheet([strip, square])
    assert sheet.shape == (156, 2 * 606, 3)
    assert (sheet[3, 3:603] == 200).all()  # one row high, and there
    assert (sheet[3:153, 609:759] == 100).all()


def test_the_sheet_names_its_colours(judged, tmp_path) -> None:
    chooser = Overlays(tmp_path, wanted=1, total=1)
    chooser.watch(judged[0])
    sheet = read_image(chooser.write()[-1])
    legend = _legend()
    np.testing.assert_array_equal(sheet[-legend.shape[0] :, : legend.shape[1]], legend)
    # hit, false alarm and miss stand in this order, each with a word behind it that ends inside the strip
    middle = legend[legend.shape[0] // 2]
    starts = []
    for colour in ((255, 255, 255), (255, 0, 0), (0, 255, 0)):
        same = (middle == colour).all(axis=1)
        runs = np.flatnonzero(np.convolve(same, np.ones(14), "valid") == 14)
        starts.append(int(runs[0]))
    assert starts == sorted(starts)
    edges = [*(start + 14 for start in starts), *starts[1:], legend.shape[1]]
    for begin, end in zip(edges[:3], edges[3:], strict=True):
        assert (legend[:, begin:end] != 64).any()
    assert (legend[:, -4:] == 64).all()
