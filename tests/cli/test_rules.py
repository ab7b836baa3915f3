"""``flawscope rules check``, as a user types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flawscope.cli.app import run

RULES = """\
default: review
rules:
  - name: long
    class: scratch
    length_mm: {min: 3}
    then: reject
  - name: many
    count_per_metre: {min: 20, window_m: 0.5}
    then: reject
"""


def test_good_rules_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text(RULES, encoding="utf-8")
    assert run(["rules", "check", str(tmp_path / "r.yaml"), "--json", str(tmp_path / "r.json")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("r.yaml: 2 rules, nothing wrong")
    assert said[1:] == [
        "  long: reject every scratch, length_mm at least 3",
        "  many: reject if [every defect] together: 20 or more a metre in the densest 0.5 m",
        "  Any defect of which no rule for single defects speaks: review. No defect: accept.",
        "These rules need a calibration: rule 'long' limits length_mm.",
    ]
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["needs_calibration"] is True


def test_every_mistake_on_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bright_weights: Callable[..., Path]
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(RULES.replace("min: 3", "mn: 3").replace("then", "than"), encoding="utf-8")
    assert run(["rules", "check", str(file), "--json", str(tmp_path / "r.json")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"error: {file}, ").split(":")[0] for line in said] == [
        "line 3",
        "line 5",
        "line 6",
        "line 7",
        "line 9",
    ]
    stored = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [problem["line"] for problem in stored["problems"]] == [3, 5, 6, 7, 9]
    file.write_text(RULES, encoding="utf-8")
    assert run(["rules", "check", str(file), "--weights", str(bright_weights("bright"))]) == 2
    assert "'scratch' is not one of the classes. Allowed: bright" in capsys.readouterr().err


def test_a_rule_file_to_begin_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yaml"
    assert run(["rules", "new", "--out", str(file)]) == 0
    assert run(["rules", "check", str(file)]) == 0
    assert "3 rules, nothing wrong" in capsys.readouterr().out
    content = file.read_bytes()
    assert run(["rules", "new", "--out", str(file)]) == 2
    assert "is there already. Choose another name with --out, or delete it first" in capsys.readouterr().err
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("{min: 0,5}", "unknown key '5', as after a decimal comma. Use a decimal point, such as 0.5"),
        ("\n      min: 0,5", "'min' must be a number with a decimal point, not the text '0,5'"),
        ("{min: '3'}", "'min' must be a number, not the text '3'"),
    ],
)
def test_numbers_are_no_text_and_have_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: str, said: str
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"rules:\n  - name: long\n    then: reject\n    length_px: {limit}\n")
    assert run(["rules", "check", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert line.startswith(f"error: {file}, line {5 if '0,5' in said else 4}: ")


def test_one_rule_and_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "r.yaml"
    assert run(["rules", "check", str(file)]) == 2
    assert capsys.readouterr().err == (
        f"error: {file}: cannot be read (no such file or directory). Check its path\n"
    )
    file.write_text("rules:\n  - {name: any, then: reject}\n")
    assert run(["rules", "check", str(file)]) == 0
    assert "r.yaml: 1 rule, nothing wrong" in capsys.readouterr().out
