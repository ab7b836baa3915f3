"""docs/results.md says what the recorded runs say, and its runs name no folder of a machine."""

import re
from pathlib import Path

import pytest

from flawscope.study import RunFiles, read_study
from flawscope.study.page import write_page

ROOT = Path(__file__).parents[2]
RESULTS = Path("benchmarks/results/study")


def test_the_page_is_what_its_runs_render_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = Path("docs/results.md").read_text(encoding="utf-8")
    studies = [read_study(file) for file in re.findall(r"^Study `(\S+)`", page, flags=re.MULTILINE)]
    assert studies
    made = write_page(studies, RunFiles(RESULTS), tmp_path / "results.md", RESULTS / "timings.json")
    assert made.read_text(encoding="utf-8") == page


def test_recorded_runs_belong_to_studies_and_name_no_machines_folders() -> None:
    known = {
        f"{study.name}/{run.name}.json"
        for file in (ROOT / "benchmarks" / "studies").glob("*.yaml")
        for study in [read_study(file)]
        for run in study.runs()
    }
    files = sorted((ROOT / RESULTS).rglob("*-seed*.json"))
    assert files
    for file in files:
        assert file.relative_to(ROOT / RESULTS).as_posix() in known
        assert not re.search(r"\"/(home|work|root|tmp|Users)/", file.read_text(encoding="utf-8"))
