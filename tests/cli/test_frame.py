"""The frame around all verbs: one line for every mistake, no traceback, known exit codes."""

from __future__ import annotations

import errno

import pytest

from flawscope import __version__
from flawscope.cli import app as frame
from flawscope.cli.app import run
from flawscope.errors import UsageError


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"flawscope {__version__}\n"
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb.replace("_", "-") in text for verb in frame.VERBS)


def test_without_a_verb_the_help_is_shown_and_the_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    said = capsys.readouterr()
    assert "Usage: flawscope" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nonsense"], "error: No such command 'nonsense'. See: flawscope --help"),
        (
            ["predic"],
            "error: No such command 'predic'. Did you mean 'predict'? See: flawscope --help",
        ),
        (["data", "fetch"], "error: Missing argument 'NAME'. See: flawscope data fetch --help"),
        (["predict"], "error: Missing argument 'SOURCE...'. See: flawscope predict --help"),
        (["export"], "error: Missing option '--weights'. See: flawscope export --help"),
    ],
)
def test_what_cannot_be_parsed_is_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err == line + "\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "x.png"),
            2,
            "x.png: could not write: no space left",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "y"),
            2,
            "y: no such file or directory",
        ),
        (
            UsageError("Value error, too many", where="--n"),
            2,
            "error: --n: too many\n",
        ),
        (MemoryError(), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("two\nlines"), 2, "internal error, please report it (RuntimeError: two lines)"),
    ],
)
def test_whatever_a_verb_raises_becomes_a_line(
    error: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fall(**_: object) -> None:
        raise error

    monkeypatch.delenv("FLAWSCOPE_DEBUG", raising=False)
    monkeypatch.setattr(frame, "build", lambda: fall)
    assert run(["x"]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
