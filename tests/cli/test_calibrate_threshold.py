"""``flawscope calibrate-threshold``, as a user types it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.inspect.calibration import new_calibration
from flawscope.segment import load
from flawscope.segment.header import PixelSize

PAGE = Path(__file__).parents[2] / "docs" / "judging.md"


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    """Ten images with a spot of 8 x 8 pixels, from hardly visible to bright, and five sound ones."""
    for number in range(15):
        image, mask = np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.uint8)
        if number < 10:
            image[8:16, 8:16] = 115 + 3 * number
            mask[8:16, 8:16] = 255
        else:
            image[20, 20] = 112
        write_image(tmp_path / "spots" / "images" / f"{number:02}.png", image)
        write_image(tmp_path / "spots" / "masks" / f"{number:02}.png", mask)
    return tmp_path / "spots"


def probability(grey: int) -> float:
    return float(1 / (1 + np.exp(-40 * (grey / 255 - 0.5))))


def test_a_threshold_is_found_written_and_explained(
    spots: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out, new = bright_weights("bright"), tmp_path / "out", tmp_path / "new.onnx"
    common = ["calibrate-threshold", "--weights", str(weights), "--data", str(spots)]
    arguments = [*common, "--escape", "0.2", "--out", str(out), "--write", str(new)]
    assert run([*arguments, "--json", str(tmp_path / "t.json")]) == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    # grey 115 and 118 may escape, 121 must not
    assert probability(118) < report["threshold"] < probability(121)
    assert report["at_threshold"]["images_that_go_wrong"] == {
        "escape": ["images/00", "images/01"],
        "overkill": [],
    }
    assert report["at_threshold"]["escape"]["rate"] == 0.2
    assert load(new).threshold == report["threshold"]
    chosen = load(new).header.provenance["threshold_chosen"]
    assert (chosen["rate"], chosen["wanted"], chosen["before"]) == ("escape", 0.2, 0.5)
    assert sorted(path.name for path in out.iterdir()) == [
        "threshold.json",
        "threshold_tradeoff.csv",
        "threshold_tradeoff.png",
    ]
    said = capsys.readouterr().out
    assert "With 10 defective pieces no escape rate below 26 % can be shown at 95 %" in said
    assert "escape: images/00, images/01" in said


def test_no_threshold_keeps_it_but_the_curve_stays(
    spots: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["calibrate-threshold", "--weights", str(bright_weights("bright")), "--data", str(spots)]
    new = tmp_path / "new.onnx"
    arguments = [*common, "--escape", "0.2", "--shown", "--out", str(tmp_path / "o"), "--write", str(new)]
    assert run(arguments) == 2
    said = capsys.readouterr()
    assert "no threshold keeps the escape rate at 0.2: the best is 0.259 at 95 %" in said.err
    assert "With 10 defective pieces" in said.out
    assert "was chosen" not in said.out
    assert (tmp_path / "o" / "threshold_tradeoff.png").exists()
    assert not new.exists()


def test_by_rules_a_review_is_no_pass(
    spots: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "r.yaml"
    rules.write_text(
        "rules:\n  - name: large\n    area_px: {min: 30}\n    zone: left\n    then: review\n"
        "zones: {left: {unit: share, columns: [0, 0.5]}}\n",
        encoding="utf-8",
    )
    common = ["calibrate-threshold", "--weights", str(bright_weights("bright")), "--data", str(spots)]
    arguments = [*common, "--rules", str(rules), "--overkill", "0", "--json", str(tmp_path / "t.json")]
    assert run(arguments) == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert report["threshold"] == 0.001  # the single bright pixel of a sound image is not large
    assert max(report["curve"]["overkill"]["rate"]) == 0
    capsys.readouterr()
    rules.write_text("rules:\n  - {name: long, length_mm: {min: 3}, then: reject}\n", encoding="utf-8")
    assert run(arguments) == 2
    assert "rule 'long' limits length_mm, and there is no calibration" in capsys.readouterr().err


@pytest.fixture
def scratches(tmp_path: Path) -> Path:
    """Soft bright scratches, one an image, and for the last six, which are sound, two; the last four are short."""
    rng = np.random.default_rng(4)
    for number in range(16):
        image = rng.integers(90, 118, (32, 32)).astype(np.float32)
        for _ in range(1 if number < 10 else 2):
            x, y, degrees = *rng.uniform(8, 24, 2), rng.uniform(0, 180)
            length = rng.uniform(6, 26) if number < 12 else 3.0
            cv2.ellipse(
                image, ((x, y), (length, rng.uniform(2, 6)), degrees), float(rng.integers(125, 150)), -1
            )
        image = cv2.GaussianBlur(image, (0, 0), 1.2)
        mask = np.full((32, 32), 255 if number < 10 else 0, np.uint8)
        write_image(tmp_path / "scratches" / "images" / f"{number:02}.png", image.astype(np.uint8))
        write_image(tmp_path / "scratches" / "masks" / f"{number:02}.png", mask)
    return tmp_path / "scratches"


OBLONG = "rules:\n  - {name: long, length_mm: {min: 0.9}, width_max_mm: {max: 0.4}, then: reject}\n"


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("rules:\n  - {name: long, length_px: {min: 12}, width_max_px: {min: 2}, then: reject}\n", []),
        ("rules:\n  - {name: round it, perimeter_px: {min: 30}, contrast: {min: 0.06}, then: review}\n", []),
        ("rules:\n  - {name: many, length_px: {min: 2}, count: {min: 2, max: 4}, then: reject}\n", []),
        (
            "default: reject\nrules:\n  - {name: fine, width_mean_px: {max: 4}, then: accept}\n",
            ["--min-area", "4"],
        ),
        (OBLONG, ["--calibration", "line.yaml"]),
        ("new", ["--calibration", "line.yaml"]),
    ],
    ids=["lengths", "contrast", "count", "default", "oblong mm", "rules new"],
)
def test_the_rates_are_those_of_the_verdicts_of_inspect(
    scratches: Path,
    bright_weights: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    extra: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    new_calibration(id="line", mm_per_px_x=0.05, mm_per_px_y=0.1).save("line.yaml")
    if text == "new":
        assert run(["rules", "new", "--length-mm", "0.8", "--area-mm2", "0.3", "--out", "r.yaml"]) == 0
    else:
        Path("r.yaml").write_text(text, encoding="utf-8")
    weights = ["--weights", str(bright_weights("bright")), "--rules", "r.yaml", *extra]
    choose = ["calibrate-threshold", *weights, "--data", str(scratches), "--overkill", "0.5"]
    code = run([*choose, "--json", "t.json", "--write", "new.onnx"])
    report = json.loads(Path("t.json").read_text(encoding="utf-8"))
    curve = report["curve"]
    thresholds = [0.1, 0.3, 0.5, 0.7, 0.9]
    if code == 0:
        thresholds.append(report["threshold"])
        assert load("new.onnx").header.provenance["threshold_chosen"]["rules"].startswith("r.yaml (sha256 ")
    differing = set()
    for threshold in thresholds:
        look = ["inspect", str(scratches / "images"), *weights, "--no-overlays", "--out", f"at {threshold}"]
        assert run([*look, "--threshold", str(threshold)]) in (0, 1)
        lines = (tmp_path / f"at {threshold}" / "results.jsonl").read_text(encoding="utf-8").splitlines()
        passed = {
            Path(record["source"]).stem: record["verdict"]["outcome"] == "accept"
            for record in map(json.loads, lines)
        }
        escaped = sum(passed[f"{number:02}"] for number in range(10)) / 10
        killed = sum(not passed[f"{number:02}"] for number in range(10, 16)) / 6
        at = curve["threshold"].index(threshold)
        assert curve["escape"]["rate"][at] == pytest.approx(escaped), threshold
        assert curve["overkill"]["rate"][at] == pytest.approx(killed), threshold
        differing.add((escaped, killed))
    assert len(differing) > 2


def test_the_size_of_a_pixel_in_the_weights_is_enough(
    spots: Path, bright_weights: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "r.yaml"
    rules.write_text("rules:\n  - {name: long, length_mm: {min: 0.3}, then: reject}\n", encoding="utf-8")
    size = PixelSize(id="line-3", mm_per_px_x=0.05, mm_per_px_y=0.05)
    weights = bright_weights("scaled", calibration=size)
    common = ["calibrate-threshold", "--weights", str(weights), "--data", str(spots), "--rules", str(rules)]
    arguments = [*common, "--escape", "0.2", "--json", str(tmp_path / "t.json")]
    assert run(arguments) == 0
    report = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert report["asked"]["calibration"] == "line-3 (0.05 x 0.05 mm a pixel)"
    # a spot of 8 pixels is 0.4 mm long, the speck of a sound image 0.05 mm
    assert probability(118) < report["threshold"] < probability(121)
    assert max(report["curve"]["overkill"]["rate"]) == 0
    capsys.readouterr()
    assert run([*arguments, "--calibration-id", "line-4"]) == 2
    assert "the calibration is of 'line-3', not of 'line-4'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give either --escape or --overkill"),
        (["--escape", "0.1", "--overkill", "0.1"], "give either --escape or --overkill"),
        (["--escape", "0.1", "--rule-of", "defect", "--rules", "r.yaml"], "rules judge images"),
        (["--escape", "0.1", "--write", "new.safetensors"], "the weights are a .onnx file"),
        (["--escape", "0.1", "--calibration", "line.yaml"], "nothing is measured without rules"),
        (["--escape", "0.1", "--split", "val"], "no split named 'val'"),
    ],
)
def test_what_does_not_fit_is_said_first(
    spots: Path,
    bright_weights: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
) -> None:
    common = ["calibrate-threshold", "--weights", str(bright_weights("bright")), "--data", str(spots)]
    assert run([*common, *options]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1


def test_only_weights_files_carry_a_threshold(spots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--segmenter", "regions", "--data", str(spots), "--escape", "0.1", "--write", "a.onnx"]
    assert run(["calibrate-threshold", *arguments]) == 2
    assert "no weights file that could carry a threshold" in capsys.readouterr().err


@pytest.mark.slow
def test_the_commands_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, block in zip(("rules.yaml", "any.yaml"), text.split("```yaml\n")[1:], strict=True):
        (tmp_path / name).write_text(block.split("```")[0], encoding="utf-8")
    assert run(["calibration", "new", "--id", "line-3", "--x", "0.05", "--out", "line-3.yaml"]) == 0
    for folder in ("parts", "incoming"):
        assert run(["data", "synth", "--out", folder, "--count", "2", "--size", "96x96"]) == 0
    lines = [line for block in text.split("```bash\n")[1:] for line in block.split("```")[0].splitlines()]
    assert len(lines) == 6
    for line in lines:
        judges = line.startswith(("flawscope inspect", "flawscope watch"))
        more = ["--once", "--settle", "0"] if line.startswith("flawscope watch") else []
        assert run([*shlex.split(line)[1:], *more]) in ((0, 1) if judges else (0,)), line
    assert load("chosen.onnx").threshold != load("ocinet-tiny").threshold
