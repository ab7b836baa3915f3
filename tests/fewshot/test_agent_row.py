"""A row of the agent, with few steps: lines, resuming, and the page with its curve."""

import base64
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from flawscope.cli.fewshot_table import print_study
from flawscope.enhance import bank
from flawscope.errors import DataError, UsageError
from flawscope.fewshot import starting
from flawscope.fewshot import study as study_module
from flawscope.fewshot.adjusting import adjustable_bank
from flawscope.fewshot.curves import smooth
from flawscope.fewshot.enhancing import ONE_ROLLOUT
from flawscope.fewshot.learning import learn
from flawscope.fewshot.page import write_page
from flawscope.fewshot.settings import make_study, rows_of
from flawscope.fewshot.starting import SMOKE_STEPS, cpu_warning, is_smoke
from flawscope.fewshot.store import RunFolder
from flawscope.fewshot.study import Outcome, Study
from flawscope.fewshot.table import table
from flawscope.fewshot.tasks import Source
from flawscope.sdie.artefact_description import read_description
from flawscope.sdie.choices import CHOICES
from flawscope.sdie.presets import make_settings

pytest.importorskip("stable_baselines3")


@pytest.fixture
def ran(manifest: Callable[..., Path], tmp_path: Path) -> tuple[RunFolder, Outcome]:
    told = make_study(shots=1, rounds=2, budget=24, filters=("identity", "unsharp"), scope="class")
    folder = RunFolder(tmp_path / "run")
    rows = rows_of([Source(manifest(supports=1, queries=1))], ["raw", "td3"], 1)
    return folder, Study(told, folder).run(rows)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_the_agent_and_its_page(ran: tuple[RunFolder, Outcome], tmp_path: Path) -> None:
    folder, outcome = ran
    assert not outcome.failures
    row = outcome.finished[-1]
    assert set(row.scores) == {*CHOICES, ONE_ROLLOUT}
    assert {one["round"] for one in row.scores["last"]} == {2}
    assert set(row.facts["notes"]) == {"square", "bar"}
    assert sum(note["steps"] for note in row.facts["notes"].values()) == 24

    page = write_page(tmp_path / "page.html", folder, folder.finished(), table(folder.finished()))
    text = page.read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "td3, oracle (uses the true mask)" in text
    assert len(re.findall(r"<figcaption>(original|enhanced|truth)</figcaption>", text)) == 6
    assert len(re.findall(r"<figcaption>raw mask, IoU", text)) == 2
    assert len(re.findall(r"<figcaption>enhanced mask, IoU", text)) == 2
    (curve,) = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)
    assert b"<svg" in base64.b64decode(curve)
    with pytest.raises(UsageError, match="'cma' was not run"):
        write_page(page, folder, folder.finished(), table(folder.finished()), method="cma")
    if CHROMIUM is not None:
        _looks_whole(page, tmp_path)


def test_an_agent_resumed_for_its_row_tells_of_its_whole_training(
    manifest: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = make_study(shots=1, rounds=2, budget=8, filters=("identity", "unsharp"))
    rows = rows_of([Source(manifest(classes=("bar",), supports=1, queries=1))], ["td3"], 1)
    folder = RunFolder(tmp_path / "run")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(study_module, "judge", stop)
        assert Study(told, folder).run(rows).interrupted
    first = read_description(folder.agent(rows[0])).provenance
    (row,) = Study(told, folder).run(rows).finished
    assert row.facts["calls"]["learning"] >= first["segmenter_calls"] > 4
    assert row.facts["seconds"]["learning"] >= row.facts["notes"]["all"]["seconds"] >= first["seconds"]


def test_what_confounds_a_comparison_is_marked(
    manifest: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Source(manifest(classes=("bar",), supports=1, queries=1))
    lines: list[str] = []
    told = make_study(shots=1, rounds=2, budget=24, kernel_size=3, minutes=1e-6)
    folder = RunFolder(tmp_path / "run")
    outcome = Study(told, folder).run(rows_of([source], ["raw", "td3"], 1), lines.append)
    assert [line for line in lines if "begins with random values" in line] == lines[:1]
    report = table(outcome.finished)
    marked = {line["label"]: line["marks"] for line in report["lines"]}
    assert (marked["raw"], marked["td3, last"]) == ("", "†‡")
    assert any(note.startswith("† td3: the training of 1 of 1 rows was stopped") for note in report["notes"])
    assert any(note.startswith("‡ td3: 1 of 1 rows began with random values") for note in report["notes"])
    print_study(Console(width=300), {**report, "failures": []})
    shown = capsys.readouterr().out
    page = write_page(tmp_path / "page.html", folder, folder.finished(), table(folder.finished())).read_text(
        encoding="utf-8"
    )
    for text in (shown, page):
        assert "td3, last †‡" in text
        assert "was stopped before its last step" in " ".join(text.split())


def test_the_shipped_start_is_noted_and_parameters_are_actions(
    manifest: Callable[..., Path], tmp_path: Path
) -> None:
    source = Source(manifest(classes=("bar",), supports=1, queries=1))
    rows = rows_of([source], ["cma", "td3"], 1)
    (row,) = Study(make_study(shots=1, budget=12), RunFolder(tmp_path / "a")).run(rows[1:]).finished
    assert row.facts["notes"]["all"]["start"] == "shipped"
    assert table([row])["lines"][0]["marks"] == ""
    told = make_study(shots=1, budget=12, adjustable=["unsharp.amount=0.5:3", "wls.lambda_=0.1:10"])
    folder = RunFolder(tmp_path / "b")
    (mix, row) = Study(told, folder).run(rows).finished
    assert len(mix.facts["notes"]["all"]["weights"]) == 6
    assert row.facts["notes"]["all"]["start"] != "shipped"
    (moving,) = read_description(folder.agent(rows[1])).bank["adjustable"][:1]
    assert moving == {"filter": "unsharp", "parameter": "amount", "low": 0.5, "high": 3.0}


@pytest.mark.parametrize("features", ["filters", "embedding"])
def test_drawn_tasks_go_by_the_features_of_the_supports(
    manifest: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    features: str,
) -> None:
    pytest.importorskip("transformers")
    from flawscope.sdie import agent

    played: list[str] = []

    def noting(shots: Any, *given: Any, **more: Any) -> Any:
        played.extend(shot.segmenter.segmenter.support.kind for shot in shots)
        raise KeyboardInterrupt

    monkeypatch.setattr(agent, "vector_env", noting)
    source = Source(manifest(classes=("bar",), supports=1, queries=1))
    told = make_study(shots=1, rounds=2, budget=4, segmenter="promptable:no-steel", prompt_features=features)
    assert Study(told, RunFolder(tmp_path / "run"), "cpu").run(rows_of([source], ["td3"], 1)).interrupted
    assert len(played) > 8  # the support in its symmetries is eight
    assert set(played) == {features}


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["amount"], "not of the form FILTER.PARAMETER=LOW:HIGH"),
        (["unsharp.amount=a:3"], "not of the form"),
        (["unsharp.sharpness=1:3"], "no parameter 'sharpness'"),
        (["median.kernel_size=3:9"], "median is adjustable but not in the bank"),
        (["unsharp.amount=1:3", "unsharp.amount=1:2"], "named twice"),
    ],
)
def test_adjustable_parameters_that_cannot_be(texts: list[str], line: str) -> None:
    with pytest.raises(UsageError, match=re.escape(line)):
        adjustable_bank(bank(), texts)


def test_backbone_weights_are_for_the_papers_networks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no ResNet"):
        Study(make_study(backbone_weights="x.pth"), RunFolder(tmp_path))
    with pytest.raises(UsageError, match="no such file"):
        Study(make_study(preset="paper", backbone_weights=str(tmp_path / "x.pth")), RunFolder(tmp_path))


def _looks_whole(page: Path, tmp_path: Path) -> None:
    """Every picture decodes in a real browser."""
    script = """<script>addEventListener("load", function () {
      var broken = Array.prototype.filter.call(document.images, function (i) { return !i.naturalWidth; });
      document.body.dataset.pictures = document.images.length + " whole, " + broken.length + " broken";
    });</script></body>"""
    text = page.read_text(encoding="utf-8").replace(
        "style-src 'unsafe-inline'", "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    )
    driven = tmp_path / "driven.html"
    driven.write_text(text.replace("</body>", script), encoding="utf-8")
    switches = ("gpu", "quic", "background-networking", "component-update", "sync")
    flags = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in switches)]
    done = subprocess.run(
        [str(CHROMIUM), *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", driven.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert 'data-pictures="11 whole, 0 broken"' in done.stdout


def test_no_rows_no_page(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.claim(make_study())
    with pytest.raises(DataError, match="no row is finished"):
        write_page(tmp_path / "page.html", folder, folder.finished(), table(folder.finished()))


def test_smoothing_averages_what_came_before() -> None:
    np.testing.assert_allclose(smooth(np.array([1.0, 3.0, 5.0, 7.0]), 2), [1, 2, 4, 6])


def test_resnets_on_a_cpu_are_called_a_smoke_run() -> None:
    paper, default = make_settings("paper"), make_settings("default")
    assert is_smoke(paper, "auto", None)
    assert is_smoke(paper, "cpu", None)
    assert not is_smoke(paper, "cpu", 10_000)
    assert not is_smoke(paper, "cuda:0", None)
    assert not is_smoke(default, "cpu", None)
    assert "--device cuda:0, or --budget 10000" in str(cpu_warning(paper, "auto", None))
    assert "slow on a CPU" in str(cpu_warning(paper, "auto", 10_000))
    assert cpu_warning(paper, "cuda:0", None) is None


@pytest.mark.parametrize(
    ("device", "budget", "steps"), [("auto", None, SMOKE_STEPS), ("cpu", 70, 70), ("cuda:0", None, 10_000)]
)
def test_the_papers_agent_takes_few_steps_on_a_cpu_unless_told_otherwise(
    manifest: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    budget: int | None,
    steps: int,
) -> None:
    from flawscope.sdie import agent

    told: list[tuple[int, int, bool]] = []

    def noting(*_: object, changes: dict[str, int], smoke: bool, **more: object) -> None:
        told.append((changes["steps"], changes["warmup"], smoke))
        raise KeyboardInterrupt

    monkeypatch.setattr(agent, "train", noting)
    source = Source(manifest(classes=("bar",), supports=1, queries=1))
    study = Study(
        make_study(shots=1, preset="paper", bank="paper", budget=budget), RunFolder(tmp_path / "a"), device
    )
    lines: list[str] = []
    assert study.run(rows_of([source], ["td3"], 1), lines.append).interrupted
    samples = source.read(1).classes[0].support
    with pytest.raises(KeyboardInterrupt):
        learn(
            samples, bank("paper"), tmp_path / "b", method="td3", preset="paper", budget=budget, device=device
        )
    assert told == [(steps, min(32, steps // 4), steps == SMOKE_STEPS)] * 2
    assert any(line.startswith("smoke run: ") for line in lines) == (steps == SMOKE_STEPS)
    assert study.agent.steps == (budget or 10_000), "searches are no smoke runs"


def test_a_smoke_run_is_labelled_in_its_row_and_under_the_table(
    manifest: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_is_slow", lambda settings, device: not device.startswith("cuda"))
    source = Source(manifest(classes=("bar",), supports=1, queries=1))
    rows = rows_of([source], ["raw", "td3"], 1)
    told, folder = make_study(shots=1), RunFolder(tmp_path / "run")
    (plain, smoke) = Study(told, folder, "cpu").run(rows).finished
    assert smoke.facts["notes"]["all"]["smoke"] is True
    assert smoke.facts["notes"]["all"]["steps"] == SMOKE_STEPS
    assert read_description(folder.agent(rows[1])).provenance["smoke"] is True
    report = table([plain, smoke])
    assert {line["method"]: line["marks"] for line in report["lines"]} == {"raw": "", "td3": "§"}
    assert any(note.startswith("§ td3: 1 of 1 rows are smoke runs") for note in report["notes"])
    again = Study(told, folder, "cuda:0").run(rows)  # all its steps: not the same row
    assert [line.partition(":")[0] for line in again.failures] == ["tiny--td3--seed0"]
    assert "made from other" in again.failures[0]
