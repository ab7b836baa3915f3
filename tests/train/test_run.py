"""Whole runs on a toy dataset, through the command line, as a user starts them."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file

from flawscope.cli.app import run
from flawscope.machine import commit
from flawscope.segment.header import read_safetensors_header

pytestmark = pytest.mark.train

BASE = ["--model", "ocinet-nano", "--imgsz", "64", "--batch", "4", "--no-imagenet", "--device", "cpu"]


def command(toy: Path, out: Path, *more: str) -> list[str]:
    return ["train", "--data", str(toy), "--out", str(out), *BASE, *more]


def start(program: list[str], arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many threads here as in the programs of :func:`start`: another number rounds sums otherwise."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)


def test_run_folder_is_complete(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    report = tmp_path / "report.json"
    assert run(command(toy, out, "--epochs", "2", "--json", str(report))) == 0
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {
        "config.yaml",
        "env.json",
        "data.lock.json",
        "metrics.csv",
        "metrics.json",
        "model_card.md",
        "plots/curves.png",
        "plots/validation.png",
        "resume/last.ckpt",
        "weights/best.safetensors",
        "weights/last.safetensors",
    }
    rows = table(out)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["loss"]) > 0
    lock = json.loads((out / "data.lock.json").read_text())
    assert len(lock["train"]) + len(lock["val"]) == 12
    assert yaml.safe_load((out / "config.yaml").read_text())["model"] == "ocinet-nano"
    assert json.loads(report.read_text())["schema"] == "flawscope/train/1"
    header = read_safetensors_header(out / "weights" / "best.safetensors")
    assert header.labels == ("defect",)
    assert header.imgsz == (64, 64)


@pytest.mark.parametrize("clip", ["norm", "value"])
def test_mixed_precision_trains_whatever_the_clipping(toy: Path, tmp_path: Path, clip: str) -> None:
    out = tmp_path / "run"
    more = ["--epochs", "1", "--precision", "bf16", "--set", f"clip={clip}"]
    assert run(command(toy, out, *more)) == 0
    assert float(table(out)[0]["loss"]) > 0


@pytest.mark.slow
def test_it_learns(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = ["--epochs", "24", "--lr", "0.008", "--patience", "0", "--validate-every", "12"]
    assert run(command(toy, out, *more)) == 0
    rows = table(out)
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert json.loads((out / "metrics.json").read_text())["val_score"] > 0.6


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_killed_and_resumed_equals_uninterrupted(
    toy: Path, tmp_path: Path, program: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    more = ["--epochs", "4", "--validate-every", "2", "--set", "cut_mix=0.5", "--imgsz", "96"]
    more += ["--set", "start_imgsz=64", "--set", "edge_weight=2", "--set", "dead_pixels=0.5"]
    more += ["--set", "log_iou=true", "--set", "defect_share=0.6"]
    assert run(command(toy, whole, *more)) == 0
    victim = start(program, command(toy, broken, *more))
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith("epoch 2/4"):
            break
    deadline = time.monotonic() + 60
    while not (broken / "resume" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    victim.send_signal(signal.SIGKILL)
    victim.stdout.close()
    assert victim.wait() == -signal.SIGKILL
    assert not same_weights(whole / "weights" / "last.safetensors", broken / "weights" / "last.safetensors")
    capsys.readouterr()
    assert run(["train", "--resume", "--out", str(broken)]) == 0
    printed = capsys.readouterr().out
    assert "epoch 4/4" in printed
    assert "epoch 1/4" not in printed
    for name in ("best", "last"):
        assert same_weights(
            whole / "weights" / f"{name}.safetensors", broken / "weights" / f"{name}.safetensors"
        )
    losses = [[row["loss"] for row in table(d)] for d in (whole, broken)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_ctrl_c_leaves_a_usable_run(toy: Path, tmp_path: Path, program: list[str]) -> None:
    out = tmp_path / "run"
    running = start(
        program, command(toy, out, "--epochs", "500", "--validate-every", "50", "--patience", "0")
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("epoch 2/"):
            break
    running.send_signal(signal.SIGINT)
    rest = running.communicate()[0]
    assert running.returncode == 130
    assert "Traceback" not in rest
    assert "--resume" in rest
    done = len(table(out))
    assert read_safetensors_header(out / "weights" / "last.safetensors").model == "ocinet-nano"
    assert run(["train", "--resume", "--out", str(out), "--epochs", str(done + 1)]) == 0
    assert len(table(out)) == done + 1


def test_fine_tuning_takes_weights_and_replaces_heads(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(command(toy, first, "--epochs", "1")) == 0
    assert run(command(toy, second, "--epochs", "1", "--weights", str(first))) == 0
    assert "starting from" in capsys.readouterr().out
    notes = [
        read_safetensors_header(out / "weights" / "best.safetensors").provenance for out in (first, second)
    ]
    assert "started_from" not in notes[0]
    assert notes[0]["commit"] == commit()
    assert notes[1]["started_from"] == {"weights": "best.safetensors", **notes[0]}
    assert (
        run(command(toy, tmp_path / "third", "--epochs", "1", "--weights", str(first), "-O", "width=16")) == 2
    )
    assert "do not fit" in capsys.readouterr().err
    # without a model it is that of the weights
    rest = ["--epochs", "1", "--imgsz", "64", "--weights", str(first), "--device", "cpu"]
    assert run(["train", "--data", str(toy), "--out", str(tmp_path / "fourth"), *rest]) == 0
    headers = [
        read_safetensors_header(folder / "weights" / "best.safetensors")
        for folder in (first, tmp_path / "fourth")
    ]
    assert (headers[0].model, headers[0].options) == (headers[1].model, headers[1].options)


def test_a_librarys_network_by_the_same_commands(toy: Path, tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch")
    out = tmp_path / "unet"
    arguments = [*command(toy, out, "--epochs", "1"), "--model", "smp:unet:tu-lcnet_035"]
    assert run(arguments) == 0
    assert read_safetensors_header(out / "weights" / "best.safetensors").model == "smp:unet:tu-lcnet_035"
    exported = tmp_path / "unet.onnx"
    assert run(["export", "--weights", str(out), "--out", str(exported), "--data", str(toy)]) == 0
    answers = []
    for weights in (out, exported):
        found = tmp_path / f"found_{weights.suffix}"
        assert run(["predict", str(toy / "images"), "--weights", str(weights), "--out", str(found)]) == 0
        answers.append([mask.read_bytes() for mask in sorted((found / "masks").iterdir())])
    assert answers[0] == answers[1]


def test_paper_row_in_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train and measure on a miniature of NRSD-MN: both subsets and the mean that is the paper's headline."""
    import cv2
    import numpy as np

    root, out = tmp_path / "nrsd", tmp_path / "run"
    for number, place in enumerate(["training"] * 4 + ["test/man-made"] * 2 + ["test/natural"] * 2):
        image = np.full((48, 48), 90, np.uint8)
        mask = np.zeros((48, 48), np.uint8)
        mask[10:30, 8 + number : 24 + number] = 255
        image[mask > 0] = 200
        for kind, content, suffix in (("images", image, "png"), ("annotations", mask, "jpg")):
            (root / kind / place).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / kind / place / f"{number}.{suffix}"), content)
    more = ["--recipe", "paper", "--epochs", "1", "--layout", "nrsd-mn", "--test"]
    assert run(command(root, out, *more, "--json", "-")) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["schema"] == "flawscope/train/1"
    assert "man-made" in printed.err
    report = json.loads((out / "test" / "evaluation.json").read_text())
    assert report["settings"]["protocol"] == "ocinet"
    ious = [report["subsets"][name]["figures"]["iou_fg_image_mean"] for name in ("man-made", "natural")]
    assert report["subset_mean"]["figures"]["iou_fg_image_mean"] == pytest.approx(sum(ious) / 2)


def test_a_missing_test_split_is_said_before_training(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(toy, tmp_path / "run", "--epochs", "1", "--test")) == 2
    assert "no split named 'test'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_several_classes_train_and_answer(tmp_path: Path) -> None:
    import flawscope

    drawn, out = tmp_path / "drawn", tmp_path / "run"
    synth = [
        "data",
        "synth",
        "--out",
        str(drawn),
        "--count",
        "12",
        "--size",
        "64x64",
        "--kinds",
        "pit,scratch",
    ]
    assert run(synth) == 0
    more = ["--epochs", "1", "--multiclass", "--class-weights", "1,2,4"]
    assert run(command(drawn, out, *more)) == 0
    segmenter = flawscope.load(out)
    assert segmenter.labels == ("pit", "scratch")
    image = flawscope.read_image(next((drawn / "images").rglob("*.png")))
    assert segmenter.segment(image).probability.shape == (2, 64, 64)
    assert "iou_classes_pooled" in json.loads((out / "metrics.json").read_text())["validation"]


def test_merging_classes_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = tmp_path / "drawn"
    synth = ["data", "synth", "--out", str(drawn), "--count", "8", "--size", "64", "--kinds", "pit,scratch"]
    assert run(synth) == 0
    told = "2 classes merged into 'defect'; keep them apart with --multiclass"
    assert run(command(drawn, tmp_path / "merged", "--epochs", "1")) == 0
    assert told in capsys.readouterr().out
    assert run(command(drawn, tmp_path / "apart", "--epochs", "1", "--multiclass")) == 0
    assert "merged" not in capsys.readouterr().out


def test_all_clean_images_are_legal(toy: Path, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    for mask in (toy / "masks").glob("*.png"):
        cv2.imwrite(str(mask), np.zeros((48, 64), np.uint8))
    out = tmp_path / "run"
    assert run(command(toy, out, "--epochs", "1", "--class-weights", "balanced")) == 0
    assert np.isfinite(float(table(out)[0]["loss"]))


def test_paper_recipe_runs_without_validation(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run(command(toy, out, "--recipe", "paper", "--epochs", "1", "--batch", "16")) == 0
    assert (out / "weights" / "last.safetensors").exists()
    assert not (out / "weights" / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--model", "ocinet-huge"], "ocinet-huge"),
        (["--recipe", "best"], "no recipe named 'best'"),
        (["--set", "cutmix=0.5"], "Did you mean cut_mix"),
        (["--set", "cut_mix=2"], "--cut-mix"),
        (["--set", "cut_mix"], "not of the form NAME=VALUE"),
        (["--device", "cuda:7"], "no such GPU"),
        (["--device", "tpu"], "no such device: 'tpu'"),
        (["--class-weights", "1,2,3"], "3 numbers given for 2 classes"),
        (["--weights", "nothing.safetensors"], "no such weights"),
        (["--data", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], words: str
) -> None:
    assert run([*command(toy, tmp_path / "run", "--epochs", "1"), *change]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()  # so the corrected command may use the same --out


def test_a_folder_with_a_run_is_not_overwritten(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(command(toy, out, "--epochs", "1")) == 0
    before = (out / "weights" / "last.safetensors").read_bytes()
    assert run(command(toy, out, "--epochs", "1")) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (out / "weights" / "last.safetensors").read_bytes() == before


def test_resuming_refuses_changed_data(toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run(command(toy, out, "--epochs", "1")) == 0
    shutil.copy(toy / "masks" / "bar_03.png", toy / "masks" / "bar_00.png")
    assert run(["train", "--resume", "--out", str(out), "--epochs", "2"]) == 2
    assert re.search(r"1 (train|val) samples changed", capsys.readouterr().err)


def test_resuming_refuses_other_options(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(command(toy, out, "--epochs", "1", "--patience", "0", "-O", "width=16")) == 0
    capsys.readouterr()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = ["train", "--resume", "--out", str(out), "--epochs", "2"]
    for change, told in {
        ("--lr", "0.5"): "with --lr 0.001",
        ("--seed", "1"): "with --seed 0",
        ("--model", "ocinet-tiny"): "with --model ocinet-nano",  # the default, but given
        ("--imagenet",): "without --imagenet",
        ("--multiclass",): "without --multiclass",
        ("--patience", "3"): "with --patience 0",
        ("--class-weights", "1,2"): "with --class-weights equal",
        ("--set", "cut_mix=0.5"): "with --set cut_mix=0.0",
        ("--weights", "ocinet-tiny"): "without --weights",
        ("--teacher", "ocinet-tiny"): "without --teacher",
        ("-O", "width=20"): "with --option width=16",
        ("--precision", "fp16"): "with --precision auto",
        ("--data", "other"): f"with --data {toy}",
    }.items():
        assert run([*again, *change]) == 2
        error = capsys.readouterr().err.strip()
        assert told in error
        assert "cannot change when resumed" in error
        assert len(error.splitlines()) == 1
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_resuming_accepts_what_is_the_same(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    same = [
        "--patience",
        "0",
        "--lr",
        "0.002",
        "-O",
        "width=16",
        "--class-weights",
        "1,5",
        "--set",
        "cut_mix=0.5",
    ]
    assert run(command(toy, out, "--epochs", "1", *same)) == 0
    capsys.readouterr()
    assert run(command(toy, out, "--resume", *same)) == 0
    assert "already finished at epoch 1; raise it with --epochs" in capsys.readouterr().out
    assert len(table(out)) == 1
    assert run(command(toy, out, "--resume", "--epochs", "2", "--device", "auto", *same)) == 0
    assert "already finished" not in capsys.readouterr().out
    assert len(table(out)) == 2
    assert run(["train", "--resume", "--out", str(out)]) == 0  # the raised number of epochs is remembered
    assert "already finished at epoch 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        ["--model", "typo"],
        ["--recipe", "typo"],
        ["--lr", "-1"],
        ["--device", "typo"],
        ["--weights", "typo"],
        ["--data", "typo"],
        ["--class-weights", "typo"],
        ["--set", "typo"],
        ["--precision", "typo"],
    ],
)
def test_mistakes_are_found_without_torch(
    toy: Path,
    tmp_path: Path,
    change: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Torch takes seconds to load: where it cannot even be imported the mistake is told all the same."""
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("flawscope.train")]:
        monkeypatch.delitem(sys.modules, name)
    assert run([*command(toy, tmp_path / "run"), *change]) == 2
    assert change[1] in capsys.readouterr().err
    assert run(command(toy, tmp_path / "run")) == 2
    assert "[train]" in capsys.readouterr().err
