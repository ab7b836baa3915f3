"""``flawscope evaluate`` as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.metrics.names import FIGURES, HEADLINE


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """``images``, ``masks`` and ``maps`` of four squares; the last map is of a clean image."""
    for number in range(4):
        mask = np.zeros((32, 32), np.uint8)
        if number < 3:
            mask[4 : 12 + number, 6:16] = 255
        for name in ("images", "masks", "maps"):
            write_image(tmp_path / name / f"{number}.png", mask)
    return tmp_path


def test_maps_against_masks(folders, capsys) -> None:
    code = run(["evaluate", "--predictions", str(folders / "maps"), "--masks", str(folders / "masks")])
    shown = capsys.readouterr()
    assert code == 0
    assert "maps on masks: 4 images" in shown.out
    assert "iou_fg_image_mean" in shown.out
    assert "1.0000" in shown.out
    assert "what these mean: docs/metrics.md; 18 more with --all" in shown.out


def first_words(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def test_ten_figures_are_printed_and_all_on_request(folders, capsys) -> None:
    base = ["evaluate", "--predictions", str(folders / "maps"), "--masks", str(folders / "masks")]
    report = folders / "r.json"
    assert run([*base, "--json", str(report)]) == 0
    few = [word for word in first_words(capsys.readouterr().out) if word in FIGURES]
    assert few == [name for name in FIGURES if name in HEADLINE and name != "miou_classes"]
    assert len(few) == 10
    assert set(json.loads(report.read_text())["figures"]) == set(FIGURES)
    assert run([*base, "--all"]) == 0
    shown = capsys.readouterr().out
    assert [word for word in first_words(shown) if word in FIGURES] == list(FIGURES)
    assert "what these mean: docs/metrics.md\n" in shown


def test_json_on_standard_output_is_only_json(folders, capsys) -> None:
    command = [
        "evaluate",
        "--predictions",
        str(folders / "maps"),
        "--masks",
        str(folders / "masks"),
        "--json",
        "-",
    ]
    assert run(command) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["schema"] == "flawscope/evaluation/1"
    assert report["figures"]["iou_fg_image_mean"] == 1.0
    assert report["undefined_images"] == {"recall_fg_image_mean": 1, "precision_fg_image_mean": 1}
    assert "4 images" in shown.err


def test_weights_against_a_dataset(folders, bright_weights, capsys) -> None:
    weights = bright_weights("tenth", threshold=0.3)
    out = folders / "out"
    code = run(
        ["evaluate", "--weights", str(weights), "--data", str(folders), "--out", str(out), "--overlays", "2"]
    )
    shown = capsys.readouterr()
    assert code == 0
    assert "at 0.50" in shown.out
    assert "calibr. 0.30" in shown.out
    assert sorted(file.name for file in out.iterdir()) == [
        "detection_by_size.png",
        "evaluation.json",
        "overlays",
        "per_image.csv",
        "reliability.png",
        "threshold_curve.csv",
        "threshold_curve.png",
    ]
    assert len(list((out / "overlays").iterdir())) == 3
    report = json.loads((out / "evaluation.json").read_text())
    assert report["calibrated_threshold"] == 0.3
    assert report["figures"]["iou_fg_image_mean"] == 1.0


def test_calibrate_on_the_validation_split(folders, bright_weights, capsys) -> None:
    splits = {
        "val": [
            {"image": "images/0.png", "mask": "masks/0.png"},
            {"image": "images/3.png", "mask": "masks/3.png"},
        ],
        "test": [{"image": "images/1.png", "mask": "masks/1.png"}],
    }
    (folders / "splits.json").write_text(json.dumps(splits))
    base = ["evaluate", "--weights", str(bright_weights()), "--data", str(folders)]
    base += ["--splits", str(folders / "splits.json")]
    assert run([*base, "--calibrate", "--json", str(folders / "r.json")]) == 0
    report = json.loads((folders / "r.json").read_text())
    assert report["images"] == 1  # test alone is measured
    assert report["data"].endswith(", test")
    assert report["calibrated_threshold"] == 0.5  # every threshold is perfect: the middle
    assert run([*base, "--split", "all"]) == 0
    assert "3 images" in capsys.readouterr().out
    assert run([*base, "--split", "nope"]) == 2
    assert "no split named 'nope' (there are: val, test)" in capsys.readouterr().err


def test_a_layout_that_does_not_fit_is_said(folders, bright_weights, capsys) -> None:
    base = ["evaluate", "--weights", str(bright_weights()), "--data", str(folders)]
    assert run([*base, "--layout", "nrsd-mn"]) == 2
    error = capsys.readouterr().err
    assert "does not fit the layout 'nrsd-mn'" in error
    assert "It looks like: plain" in error


def test_an_undivided_dataset_has_no_test_split(folders, bright_weights, capsys) -> None:
    base = ["evaluate", "--weights", str(bright_weights()), "--data", str(folders), "--split", "test"]
    assert run(base) == 2
    splits = folders / "splits.json"
    error = capsys.readouterr().err
    assert f"flawscope data split {folders} --out {splits}, then give --splits {splits}" in error
    assert run(["data", "split", str(folders), "--test", "0.5", "--val", "0", "--out", str(splits)]) == 0
    assert run([*base, "--splits", str(splits)]) == 0
    assert "2 images" in capsys.readouterr().out


def test_protocol_ocinet(folders, capsys) -> None:
    base = ["evaluate", "--predictions", str(folders / "maps"), "--masks", str(folders / "masks")]
    base += ["--protocol", "ocinet", "--json", str(folders / "r.json")]
    assert run([*base, "--no-jpeg"]) == 0
    assert "(the paper's PA)" in capsys.readouterr().out
    assert json.loads((folders / "r.json").read_text())["figures"]["iou_fg_image_mean"] == 1.0
    assert run([*base, "--jpeg-quality", "60"]) == 0
    report = json.loads((folders / "r.json").read_text())
    assert report["figures"]["iou_fg_image_mean"] < 1.0
    assert report["settings"]["published"] == {
        "jpeg": True,
        "quality": 60,
        "truncate": True,
        "label_quality": None,
    }


def test_a_threshold_is_told_with_all_its_digits(folders, bright_weights, capsys) -> None:
    weights = bright_weights("high", threshold=0.999)
    assert run(["evaluate", "--weights", str(weights), "--data", str(folders), "--threshold", "0.005"]) == 0
    shown = capsys.readouterr().out
    assert "at 0.005" in shown
    assert "calibr. 0.999" in shown


def test_an_unreadable_map_is_one_line_and_the_rest_goes_on(folders, capsys) -> None:
    (folders / "maps" / "1.png").write_bytes(b"")
    code = run(["evaluate", "--predictions", str(folders / "maps"), "--masks", str(folders / "masks")])
    shown = capsys.readouterr()
    assert code == 0
    assert "3 images, 1 failed" in shown.out
    (line,) = [line for line in shown.err.splitlines() if line.startswith("error:")]
    assert "1.png: the file is empty" in line


def test_nothing_readable_is_exit_code_2(folders, capsys) -> None:
    for file in (folders / "maps").iterdir():
        file.write_bytes(b"")
    assert run(["evaluate", "--predictions", str(folders / "maps"), "--masks", str(folders / "masks")]) == 2
    assert "none of its images could be evaluated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--weights", "w"], "give either --data or --masks"),
        (["--predictions", "m", "--data", "d", "--masks", "m"], "give either --data or --masks"),
        (["--masks", "{masks}"], "give either --weights or --predictions"),
        (["--masks", "{masks}", "--weights", "w", "--predictions", "{maps}"], "give either --weights or"),
        (["--masks", "{masks}", "--predictions", "{maps}", "--split", "val"], "has no splits"),
        (["--masks", "{masks}", "--predictions", "{maps}", "--calibrate"], "no validation split"),
        (["--masks", "{masks}", "--predictions", "nowhere"], "no such folder"),
        (
            ["--masks", "{masks}", "--predictions", "{maps}", "--out", "{masks}/0.png"],
            "could not write: file exists",
        ),
        (
            ["--masks", "{masks}", "--predictions", "{maps}", "--protocol", "ocinet", "--calibrate"],
            "Otsu chooses",
        ),
        (
            ["--masks", "{masks}", "--predictions", "{maps}", "--min-overlap", "0"],
            "--min-overlap: out of range",
        ),
    ],
)
def test_arguments_that_do_not_fit(folders, capsys, arguments, line) -> None:
    filled = [part.format(masks=folders / "masks", maps=folders / "maps") for part in arguments]
    assert run(["evaluate", *filled]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("error:") == 1
