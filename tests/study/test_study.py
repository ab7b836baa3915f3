"""Studies on a toy dataset, through the command line, as a user runs them."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("lightning")

from flawscope.cli.app import run
from flawscope.segment.header import read_safetensors_header
from flawscope.study import Run, RunFiles, read_study

pytestmark = pytest.mark.train


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bright bars on noise, divided; and maps of somebody who found half of each bar."""
    root = tmp_path / "toy"
    generator = np.random.default_rng(5)
    entries: dict[str, list[dict[str, str]]] = {"train": [], "val": [], "test": []}
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (tmp_path / "maps").mkdir()
    for number in range(14):
        image = generator.normal(90, 12, (64, 64)).clip(0, 255).astype(np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        top, left = generator.integers(4, 28, 2)
        mask[top : top + 20, left : left + 24] = 255
        image[mask > 0] = 220
        half = mask.copy()
        half[top : top + 10] = 0
        name = f"bar_{number:02d}.png"
        cv2.imwrite(str(root / "images" / name), image)
        cv2.imwrite(str(root / "masks" / name), mask)
        cv2.imwrite(str(tmp_path / "maps" / name), half)
        part = "train" if number < 8 else "val" if number < 10 else "test"
        entries[part].append({"image": f"images/{name}", "mask": f"masks/{name}"})
    (tmp_path / "splits.json").write_text(json.dumps(entries))
    monkeypatch.setenv("TOY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


STUDY = {
    "name": "toy",
    "title": "Bars",
    "data": {"bars": {"path": "$TOY/toy", "splits": "$TOY/splits.json"}},
    "passes": 16,
    "set": {"imgsz": 64, "batch": 4, "lr": 0.004},
    "protocols": ["standard", "ocinet"],
    "reference": "small",
    "rows": [
        {"name": "small", "model": "ocinet-nano", "options": {"width": 8}, "seeds": [0, 1]},
        {
            "name": "Halves",
            "maps": "maps",
            "note": "somebody's",
            "paper": {"IoU": 50.5},
            "parameters": 2_000_000,
        },
        {"name": "longer", "model": "ocinet-nano", "options": {"width": 8}, "start": "small", "passes": 32},
    ],
}


def write(folder: Path, **changes: object) -> Path:
    file = folder / "toy.yaml"
    content = json.loads(json.dumps({**STUDY, **changes}))  # nothing shared, or YAML writes anchors
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def facts(folder: Path, name: str) -> dict[str, object]:
    return json.loads((folder / "results" / "toy" / f"{name}.json").read_text())


def go(file: Path, *more: str) -> int:
    return run(
        ["study", "run", str(file), "--results", "results", "--work", "work", "--device", "cpu", *more]
    )


def test_runs_tables_and_the_page(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(toy)
    assert go(file) == 0
    printed = capsys.readouterr().out
    assert "1/4 small-seed0" in printed
    kept = facts(toy, "small-seed0")
    assert kept["training"]["passes"] == 16
    assert kept["training"]["epochs"] == 2
    assert kept["network"]["parameters"] > 10_000
    assert len(kept["tests"]["bars"]["images"]) == 4
    assert str(toy) not in json.dumps(kept)  # results are committed: no path of a machine
    halves = facts(toy, "halves-seed0")
    assert halves["tests"]["bars"]["standard"]["figures"]["iou_fg_image_mean"] == pytest.approx(0.5)
    longer = json.loads((toy / "work" / "toy" / "longer-seed0" / "metrics.json").read_text())
    assert longer["epochs"] == 4
    config = yaml.safe_load((toy / "work" / "toy" / "longer-seed0" / "config.yaml").read_text())
    assert config["weights"] == str(Path("work/toy/small-seed0"))

    # what is finished is not made again
    before = (toy / "results" / "toy" / "small-seed0.json").read_bytes()
    assert go(file) == 0
    assert (toy / "results" / "toy" / "small-seed0.json").read_bytes() == before

    assert run(["study", "time", str(file), "--results", "results", "--threads", "1", "--repeats", "2"]) == 0
    assert run(["study", "report", str(file), "--results", "results", "--out", "page/results.md"]) == 0
    page = (toy / "page" / "results.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| Halves (somebody's)"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[4:6] == ["1", "0.500 (0.500-0.500)"]
    assert cells[-1] == "50.5"
    small = next(line for line in page.splitlines() if line.startswith("| small"))
    assert " ± " in small
    assert "standard" in page
    assert "ocinet" in page
    picture = cv2.imread(str(toy / "page" / "pictures" / "study-toy-bars.png"))
    assert picture.shape[1] > 2 * picture.shape[0] * 0.9  # two diagrams side by side


def test_time_is_up_and_the_same_command_goes_on(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(toy)
    assert go(file, "--only", "small", "--seed", "1", "--minutes", "0.0001") == 0
    assert "goes on" in capsys.readouterr().out
    assert not (toy / "results").exists()
    assert go(file, "--only", "small", "--seed", "1") == 0
    broken = facts(toy, "small-seed1")
    assert len(broken["training"]["curve"]["epoch"]) == 2
    assert run(["study", "run", str(file), "--results", "whole", "--work", "other", "--device", "cpu",
                "--only", "small", "--seed", "1"]) == 0  # fmt: skip
    whole = json.loads((toy / "whole" / "toy" / "small-seed1.json").read_text())
    assert whole["tests"]["bars"]["images"] == broken["tests"]["bars"]["images"]
    assert whole["training"]["curve"] == broken["training"]["curve"]


def test_minutes_are_those_of_this_call(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training that took longer than --minutes before goes on all the same."""
    file = write(toy)
    assert go(file, "--only", "small", "--seed", "0", "--minutes", "0.0001") == 0
    table = toy / "work" / "toy" / "small-seed0" / "metrics.csv"
    before = table.read_text()
    assert len(before.splitlines()) == 2
    capsys.readouterr()
    assert go(file, "--only", "small", "--seed", "0", "--minutes", "0.0001") == 0
    assert len(table.read_text().splitlines()) == 3  # an epoch more, and with it the end
    assert facts(toy, "small-seed0")["training"]["epochs"] == 2


def test_a_run_made_from_other_settings_is_not_taken(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(toy)
    assert go(file, "--only", "Halves") == 0
    rows = [dict(row) for row in STUDY["rows"]]
    rows[1]["normalise"] = True
    write(toy, rows=rows)
    assert go(file, "--only", "Halves") == 2
    assert "made from other settings" in capsys.readouterr().err
    rows[1] = {**STUDY["rows"][1], "note": "words may change"}
    write(toy, rows=rows)
    assert go(file, "--only", "Halves") == 0


def test_a_run_whose_recipe_had_other_defaults_is_not_taken(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(toy)
    assert go(file, "--only", "small", "--seed", "0") == 0
    stored = toy / "results" / "toy" / "small-seed0.json"
    content = json.loads(stored.read_text())
    content["training"]["recipe"]["ema"] = 0.5
    stored.write_text(json.dumps(content))
    capsys.readouterr()
    assert go(file, "--only", "small", "--seed", "0") == 2
    assert "trained with ema 0.5, and the recipe now says" in capsys.readouterr().err
    stored.unlink()
    config = toy / "work" / "toy" / "small-seed0" / "config.yaml"
    config.write_text(re.sub(r"ema: \S+", "ema: 0.5", config.read_text()))
    assert go(file, "--only", "small", "--seed", "0") == 2
    assert "the training that stands here had another recipe" in capsys.readouterr().err


def test_a_row_that_cannot_be_run_costs_one_line(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "gone", "maps": "nowhere"}, STUDY["rows"][1]]
    file = write(toy, rows=rows, reference=None)
    assert go(file) == 2
    shown = capsys.readouterr()
    assert "gone-seed0: nowhere" in shown.err.replace(str(toy) + "/", "")
    assert len(shown.err.strip().splitlines()) == 1
    assert facts(toy, "halves-seed0")["row"] == "Halves"


def test_rows_that_build_on_others(toy: Path) -> None:
    small = STUDY["rows"][0]
    rows = [
        small,
        {
            "name": "taught",
            "model": "ocinet-nano",
            "options": {"width": 8},
            "teachers": ["small"],
            "seeds": [1],
        },
        {"name": "eight ways", "of": "small", "symmetries": 8, "seeds": [1]},
        {"name": "few", "model": "ocinet-nano", "options": {"width": 8}, "images": 4},
        {
            "name": "from elsewhere",
            "model": "ocinet-nano",
            "options": {"width": 8},
            "start": "work/toy/small-seed0",
        },
    ]
    file = write(toy, rows=rows)
    assert go(file) == 0
    config = yaml.safe_load((toy / "work" / "toy" / "taught-seed1" / "config.yaml").read_text())
    assert config["teachers"] == ["work/toy/small-seed0", "work/toy/small-seed1"]
    header = read_safetensors_header(
        toy / "work" / "toy" / "from-elsewhere-seed0" / "weights" / "last.safetensors"
    )
    assert header.provenance["started_from"]["weights"] == "best.safetensors"
    few = facts(toy, "few-seed0")["training"]
    assert (few["images"], few["epochs"], few["val_score"]) == (4, 4, None)
    alone, averaged = (
        facts(toy, name)["tests"]["bars"]["images"] for name in ("small-seed1", "eight-ways-seed1")
    )
    assert alone.keys() == averaged.keys()
    assert alone != averaged
    assert facts(toy, "eight-ways-seed1")["training"] is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference": "nobody"}, "no row called 'nobody'"),
        ({"train": "rails"}, "no dataset called 'rails'"),
        ({"rows": [STUDY["rows"][1], {**STUDY["rows"][1]}]}, "two rows are called 'Halves'"),
        ({"rows": [{"name": "a b", "maps": "x"}, {"name": "a-b", "maps": "y"}]}, "would be kept in one file"),
        ({"rows": [{"name": "a", "model": "ocinet-nano", "maps": "x"}]}, "not model and maps"),
        ({"rows": [{"name": "a"}], "reference": None}, "not none"),
        ({"rows": [{"name": "a", "model": "ocinet-nanno"}], "reference": None}, "ocinet-nanno"),
        ({"set": {"cutmix": 1}}, "cutmix"),
        ({"passes": None}, "has no budget"),
        ({"colour": "red"}, "colour"),
        ({"name": "Toy Study"}, "name"),
    ],
)
def test_mistakes_are_one_line(
    toy: Path, changes: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(toy, **changes)
    assert go(file) == 2
    error = capsys.readouterr().err.strip()
    assert words in error
    assert len(error.splitlines()) == 1


def test_what_is_missing_is_said(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(toy)
    assert go(file, "--only", "nobody") == 2
    assert "There are: small, Halves, longer" in capsys.readouterr().err
    assert go(file, "--only", "longer") == 2
    assert "Run that row first" in capsys.readouterr().err
    elsewhere = {"name": "a", "model": "ocinet-nano", "start": "runs/none"}
    assert go(write(toy, rows=[elsewhere], reference=None), "--only", "a") == 2
    assert "runs/none: there are no weights to start from" in capsys.readouterr().err
    file = write(toy)
    monkeypatch.delenv("TOY")
    assert go(file, "--only", "small") == 2
    assert "the variable TOY is not set" in capsys.readouterr().err
    assert run(["study", "list", str(file), "--results", "results"]) == 0
    assert "--only Halves --seed 0" in capsys.readouterr().out
    assert go(toy / "none.yaml") == 2
    assert "cannot be read" in capsys.readouterr().err
    (toy / "results" / "toy").mkdir(parents=True)
    (toy / "results" / "toy" / "halves-seed0.json").write_text("{")
    assert run(["study", "list", str(file), "--results", "results"]) == 2
    assert "not a run of a study" in capsys.readouterr().err


def test_names_of_files_follow_rows_and_seeds(toy: Path) -> None:
    study = read_study(write(toy))
    assert [one.name for one in study.runs()] == [
        "small-seed0",
        "small-seed1",
        "halves-seed0",
        "longer-seed0",
    ]
    assert Run("s", "U-Net (ours), 5 M", 3).name == "u-net-ours-5-m-seed3"
    assert Run("s", "DeepLabv3+", 0).name == "deeplabv3-plus-seed0"
    assert RunFiles(Path("r")).file(Run("s", "A", 0)) == Path("r/s/a-seed0.json")
