"""The commit of the source: only of a checkout of Flawscope, and marked when it was changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flawscope import machine


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(["git", *named, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_of_a_checkout_and_of_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "src" / "flawscope" / "machine.py"
    source.parent.mkdir(parents=True)
    source.write_text("first")
    monkeypatch.setattr(machine, "__file__", str(source))
    assert machine.commit() is None
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    told = machine.commit()
    assert told is not None
    assert git(tmp_path, "rev-parse", "HEAD").startswith(told)
    source.write_text("second")
    assert machine.commit() == f"{told}-dirty"
    installed = tmp_path / "venv" / "lib" / "python3" / "site-packages" / "flawscope" / "machine.py"
    monkeypatch.setattr(machine, "__file__", str(installed))
    assert machine.commit() is None
