"""The verb ``fewshot``: exit codes, JSON, and the four commands of the tutorial."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer

from flawscope.cli import fewshot
from flawscope.cli.app import run
from flawscope.images import write_image
from flawscope.outputs import write_bytes


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """One class: a bright square, two supports and two queries."""
    entries = []
    for number in range(4):
        mask = np.zeros((50, 50), np.uint8)
        mask[8 + number : 24 + number, 10:28] = 255
        image = np.full((50, 50), 100, np.uint8) + mask // 3
        cv2.randu(noise := np.zeros((50, 50), np.uint8), 0, 6)
        write_image(tmp_path / f"{number}.png", image + noise)
        write_image(tmp_path / f"{number}-mask.png", mask)
        entries.append({"image": f"{number}.png", "mask": f"{number}-mask.png"})
    file = tmp_path / "squares.json"
    content = {"classes": {"square": {"support": entries[:2], "query": entries[2:]}}}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def command(manifest: Path, *more: str) -> list[str]:
    out = ["--out", str(manifest.parent / "run")]
    quick = [
        "--shots",
        "2",
        "--seeds",
        "1",
        "--budget",
        "12",
        "--rounds",
        "1",
        "--filters",
        "identity,unsharp",
    ]
    return ["fewshot", "run", "--manifest", str(manifest), *quick, *out, *more]


def test_a_study_its_json_and_its_page(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = manifest.parent / "out.json"
    assert run([*command(manifest, "--method", "raw,best-single,cma,best-of-30"), "--json", str(target)]) == 0
    shown = capsys.readouterr().out
    assert "cma, oracle (uses the true mask)" in shown
    report = json.loads(target.read_text(encoding="utf-8"))
    assert report["schema"] == "flawscope/fewshot/1"
    assert report["settings"]["shots"] == 2
    assert report["machines"][0]["packages"]["numpy"]
    assert {line["method"] for line in report["lines"]} == {"raw", "best-single", "cma", "best-of-30"}
    assert report["failures"] == []
    assert all(row["calls"]["queries"] > 0 for row in report["rows"])
    page = manifest.parent / "page.html"
    assert run(["fewshot", "report", str(manifest.parent / "run"), "--out", str(page)]) == 0
    assert "<h3>square</h3>" in page.read_text(encoding="utf-8")


def test_the_page_comes_with_the_table_of_all_rows(manifest: Path) -> None:
    first, second = (manifest.parent / f"{name}.json" for name in ("first", "second"))
    for method, target in (("raw", first), ("best-single", second)):
        assert run([*command(manifest, "--method", method), "--json", str(target)]) == 0
    whole = manifest.parent / "whole.json"
    folder, page = manifest.parent / "run", manifest.parent / "page.html"
    assert run(["fewshot", "report", str(folder), "--out", str(page), "--json", str(whole)]) == 0
    report, parts = (
        json.loads(whole.read_text()),
        [json.loads(file.read_text()) for file in (first, second)],
    )
    assert report["settings"] == parts[0]["settings"]
    assert report["seeds"] == 1
    assert report["lines"] == [line for part in parts for line in part["lines"]]
    assert {one["against"] for one in report["differences"]} == {"raw", "best-single, likeness"}
    assert run(["fewshot", "report", str(folder), "--out", str(page), "--classes", "nothing"]) == 2


def test_json_on_standard_output_stands_alone(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command(manifest, "--method", "raw"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["method"] == "raw"


def test_a_failed_row_is_told_and_the_others_stand(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = manifest.parent / "missing.json"
    arguments = command(manifest, "--method", "raw", "--manifest", str(missing))
    assert run(arguments) == 2
    shown = capsys.readouterr().out
    assert f"missing: failed: {missing}: " in shown
    assert "[1/1] squares--raw: " in shown
    assert "page: flawscope fewshot report" in shown
    assert run(arguments) == 2
    assert "[1/1] squares--raw: kept from before" in capsys.readouterr().out


def test_where_nothing_was_made_no_page_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(tmp_path / "missing.json", "--method", "raw,search")) == 2
    shown = capsys.readouterr().out
    assert shown.count("failed: ") == 2  # as it happens, and in the report
    assert "page:" not in shown


@pytest.mark.parametrize("verb", ["run", "learn"])
@pytest.mark.parametrize("option", ["--out", "--json"])
def test_what_cannot_be_written_is_told_before_the_work(
    manifest: Path,
    verb: str,
    option: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begun(*given: object, **more: object) -> None:
        raise AssertionError("learning began")

    monkeypatch.setattr("flawscope.fewshot.learning.support_model", begun)
    monkeypatch.setattr("flawscope.fewshot.study.prepare", begun)
    learning = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    arguments = command(manifest, "--method", "raw") if verb == "run" else learning
    (manifest.parent / "file").touch()
    assert run([*arguments, option, str(manifest.parent / "file" / "below")]) == 2
    told = capsys.readouterr().err
    assert "could not write: not a directory. A file stands where a folder is needed" in told
    assert told.count("\n") == 1


def test_a_support_that_cannot_be_used_is_called_by_its_name(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(manifest.parent / "1-mask.png", np.full((50, 50), 255, np.uint8))
    learning = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    assert run([*learning, "--out", str(manifest.parent / "mine")]) == 2
    assert "error: 1: a support image that is nothing but defect." in capsys.readouterr().err
    assert not (manifest.parent / "mine").exists()


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--method", "magic"], "no method named 'magic'"),
        (["--data", "x"], "give either --manifest or --data"),
        (["--fold", "1"], "a manifest says its classes and supports itself"),
        (["--segmenter", "grabcut", "--no-prompted"], "'grabcut' does nothing without prompts"),
        (["--segmenter", "nothing-of-this-name"], "There are: regions, grabcut, prototype, promptable, sam:"),
        (["--prompt-features", "embedding"], "need sam or promptable as segmenter, not 'regions'"),
        (["--kernel-size", "4"], "kernel_size"),
        (["--preset", "no"], "no preset named 'no'"),
        (["--prompt-use", "guesses"], "--prompt-use"),
        (["--adjustable", "wls"], "not of the form FILTER.PARAMETER=LOW:HIGH"),
        (["--backbone-weights", "x.pth"], "this preset has no ResNet to give weights to"),
    ],
)
def test_mistakes_are_one_line(
    manifest: Path, more: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(manifest, "--method", "raw", *more)) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


def test_ctrl_c_keeps_finished_rows(manifest: Path, program: list[str]) -> None:
    arguments = command(manifest, "--method", "raw,search", "--budget", "1000000000")
    going = subprocess.Popen(
        [*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert going.stdout is not None
    for line in going.stdout:
        if "squares--raw" in line:
            break
    going.send_signal(signal.SIGINT)
    rest, _ = going.communicate(timeout=120)
    assert going.returncode == 130, rest
    assert "stopped; the same command goes on" in rest
    assert [file.name for file in (manifest.parent / "run" / "rows").glob("*.json")] == ["squares--raw.json"]


def test_learn_asks_for_what_it_needs(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fewshot", "learn"]) == 2
    assert "give either --data or --manifest" in capsys.readouterr().err
    assert run(["fewshot", "learn", "--manifest", str(manifest)]) == 2
    assert "no class of the manifest was named" in capsys.readouterr().err
    told = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--segmenter", "magic"]
    assert run([*told, "--out", str(manifest.parent / "mine")]) == 2
    assert "There are: regions, grabcut, prototype, sam:FOLDER" in capsys.readouterr().err


def test_parameters_are_the_agents_to_set(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = manifest.parent / "moving"
    arguments = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "1"]
    more = ["--budget", "6", "--adjustable", "unsharp.amount=0.5:3", "--out", str(out)]
    assert run([*arguments, *more, "--method", "cma"]) == 2
    assert "are the agent's. Add --method td3" in capsys.readouterr().err
    assert run([*arguments, *more, "--method", "td3"]) == 0
    assert "td3 begins with random values" in capsys.readouterr().out
    described = json.loads((out / "sdie.json").read_text(encoding="utf-8"))
    assert [one["parameter"] for one in described["bank"]["adjustable"]] == ["amount"]


def test_filters_go_with_the_preset() -> None:
    from flawscope.fewshot.settings import bank_of

    assert (bank_of("paper"), bank_of("default")) == ("paper", "default")


def test_a_table_is_whole_on_a_narrow_screen(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(manifest, "--method", "raw,best-of-30")) == 0
    assert "…" not in capsys.readouterr().out


@pytest.mark.parametrize("method", ["cma", "td3"])
def test_learn_leaves_an_artefact_that_opens(
    manifest: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from flawscope.sdie.artefact import load_artefact

    out = manifest.parent / "mydefect"
    arguments = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    assert run([*arguments, "--method", method, "--budget", "24", "--out", str(out)]) == 0
    enhanced = load_artefact(out)
    assert enhanced.segment(np.full((40, 30, 3), 0.5, np.float32)).probability.shape == (1, 40, 30)
    shown = capsys.readouterr().out
    assert re.search(
        r"iou on these photographs, each seen without its mask: \d\.\d{3}, \d\.\d{3} enhanced", shown
    )
    if method == "td3":
        trained = (out / "policy.safetensors").read_bytes()
        assert run([*arguments, "--method", "none", "--out", str(out)]) == 2
        assert "this folder holds an agent" in capsys.readouterr().err
        assert (out / "policy.safetensors").read_bytes() == trained


def test_results_call_the_defect_as_learnt(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from flawscope.sdie.artefact import load_artefact

    out, image = manifest.parent / "mydefect", manifest.parent / "seen.png"
    arguments = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    assert run([*arguments, "--method", "none", "--out", str(out)]) == 0
    enhanced = load_artefact(out)
    assert enhanced.labels == ("square",)
    assert enhanced.segment(np.full((40, 30, 3), 0.5, np.float32)).probability.shape == (1, 40, 30)
    write_image(image, np.full((40, 30), 128, np.uint8))
    capsys.readouterr()
    strip = ["--policy", str(out), "--out", str(manifest.parent / "strip.png")]
    assert run(["enhance", "apply", str(image), *strip]) == 0
    assert "nothing is enhanced" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["none", "td3", "cma", "search", "best-single"])
def test_a_folder_that_holds_an_agent_is_refused_before_any_work(
    manifest: Path, method: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(*given: object, **more: object) -> None:
        raise AssertionError("learning began")

    monkeypatch.setattr("flawscope.fewshot.learning.support_model", begun)
    out = manifest.parent / "mydefect"
    write_bytes(out / "config.json", b"{}")
    write_bytes(out / "resume" / "last.safetensors", b"")
    arguments = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    assert run([*arguments, "--method", method, "--out", str(out)]) == 2
    assert "this folder " in capsys.readouterr().err
    if method == "td3":
        assert run([*arguments, "--method", "td3", "--resume", "--out", str(out / "none")]) == 2
        assert "no run to resume here" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "resume"]


def test_an_enhancer_is_no_segmenter_to_learn_for(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = manifest.parent / "mydefect"
    told = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    assert run([*told, "--out", str(out)]) == 0
    capsys.readouterr()
    for spec in (str(out), f"network:{out}", f"sam:{out}"):
        for arguments in (command(manifest, "--method", "raw"), [*told, "--out", str(out / "new")]):
            assert run([*arguments, "--segmenter", spec]) == 2
            said = capsys.readouterr().err
            assert "what 'fewshot learn' left, an enhancer with its segmenter" in said
            assert "Give that segmenter: --segmenter regions. The enhancer goes to predict" in said
            assert said.count("\n") == 1


def test_missing_weights_of_sam_are_told_once(
    manifest: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    spec = f"sam:{manifest.parent / 'sam'}"
    assert run(command(manifest, "--method", "raw,search,cma", "--segmenter", spec)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("neither a folder nor the name of a model") == said.err.count("\n") == 1


def test_learn_keeps_what_prompts_the_segmenter(manifest: Path) -> None:
    from flawscope.sdie.artefact import load_artefact

    out = manifest.parent / "prompted"
    arguments = ["fewshot", "learn", "--manifest", str(manifest), "--class", "square", "--shots", "2"]
    more = ["--segmenter", "grabcut", "--method", "cma", "--budget", "12", "--out", str(out)]
    assert run([*arguments, *more]) == 0
    picture = cv2.imread(str(manifest.parent / "2.png"), cv2.IMREAD_COLOR)
    assert load_artefact(out).segment(picture).probability.max() > 0.5


def test_the_group_has_three_verbs() -> None:
    app = typer.Typer()
    fewshot.register(app)
    group = app.registered_groups[0].typer_instance
    assert group is not None
    assert {one.name for one in group.registered_commands} == {"learn", "run", "report"}
    assert sys.modules.get("flawscope.cli.fewshot") is fewshot
