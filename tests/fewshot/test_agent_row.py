"""A row of the agent, with few steps: lines, resuming, and the page with its curve."""

import base64
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.errors import DataError, UsageError
from flawscope.fewshot.curves import smooth
from flawscope.fewshot.page import write_page
from flawscope.fewshot.settings import make_study, rows_of
from flawscope.fewshot.store import RunFolder
from flawscope.fewshot.study import Outcome, Study
from flawscope.fewshot.tasks import Source

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
    assert set(row.scores) == {"last", "critic", "quality", "agreement", "oracle"}
    assert {one["round"] for one in row.scores["last"]} == {2}
    assert set(row.facts["notes"]) == {"square", "bar"}
    assert sum(note["steps"] for note in row.facts["notes"].values()) == 24

    page = write_page(tmp_path / "page.html", folder)
    text = page.read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "td3, oracle (uses the true mask)" in text
    assert len(re.findall(r"<figcaption>(original|enhanced|truth)</figcaption>", text)) == 6
    assert len(re.findall(r"<figcaption>raw mask, IoU", text)) == 2
    assert len(re.findall(r"<figcaption>enhanced mask, IoU", text)) == 2
    (curve,) = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)
    assert b"<svg" in base64.b64decode(curve)
    with pytest.raises(UsageError, match="'cma' was not run"):
        write_page(page, folder, method="cma")
    if CHROMIUM is not None:
        _looks_whole(page, tmp_path)


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
        write_page(tmp_path / "page.html", folder)


def test_smoothing_averages_what_came_before() -> None:
    np.testing.assert_allclose(smooth(np.array([1.0, 3.0, 5.0, 7.0]), 2), [1, 2, 4, 6])
