"""The verb ``rules``: begin a rule file; is it sound, and what does it say?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.opening import SEGMENTER_HELP, open_any
from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    rules = typer.Typer(help="Rules that turn measured defects into a verdict.", no_args_is_help=True)

    @rules.callback()
    def frame() -> None:
        """Rules that turn measured defects into a verdict."""

    rules.command("check")(check)
    rules.command("new")(new)
    app.add_typer(rules, name="rules")


STARTER = """\
# Every rule is asked; the worst outcome wins: reject before review before accept.
# Sizes are in millimetres and need a calibration; docs/judging.md has all keys.

default: accept            # what a defect is that no rule speaks of

rules:
  - name: long defect
    length_mm: {min: LENGTH}
    then: reject

  - name: large defect
    area_mm2: {min: AREA}
    then: review

  - name: many defects close together
    count_per_metre: {min: 50, window_m: 0.5}
    then: review
"""
"""A rule file to begin with."""


def new(
    out: Annotated[Path, typer.Option(help="The .yaml file to write.")] = Path("rules.yaml"),
    length: Annotated[
        float, typer.Option("--length-mm", help="Reject what is at least so long.", min=0.0)
    ] = 3.0,
    area: Annotated[
        float, typer.Option("--area-mm2", help="Review what is at least so large.", min=0.0)
    ] = 2.0,
) -> None:
    """Write a rule file to begin with, for you to change."""
    from flawscope.errors import UsageError
    from flawscope.outputs import write_text

    if out.exists():
        raise UsageError(
            "is there already", where=out, remedy="Choose another name with --out, or delete it first"
        )
    content = STARTER.replace("LENGTH", f"{length:g}").replace("AREA", f"{area:g}")
    console().print(f"Rules: {write_text(out, content)}", markup=False)


def check(
    file: Annotated[Path, typer.Argument(help="A rule file.", show_default=False)],
    weights: Annotated[
        str | None,
        typer.Option("--weights", "--segmenter", help=f"Whose classes the rules may name. {SEGMENTER_HELP}"),
    ] = None,
    json_file: JsonOption = None,
) -> int:
    """Check a rule file and say in words what it does.

    What is wrong is listed with its line; whether rules contradict each other, once each is well formed. Exit
    code: 0 the rules can be used, 2 they cannot.
    """
    from flawscope.inspect.counted import number_of
    from flawscope.inspect.rule_reading import examine_rules
    from flawscope.inspect.rule_words import in_words

    labels = None if weights is None else open_any(weights, device="cpu").labels
    rules, problems = examine_rules(file, labels)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    needed = None if rules is None else rules.calibration_for
    report = {
        "file": file,
        "problems": [
            {"line": problem.line, "what": problem.what, "remedy": problem.remedy} for problem in problems
        ],
        "rules": [] if rules is None else [rule.name for rule in rules],
        "needs_calibration": None if rules is None else needed is not None,
    }
    emit_json("rules", 1, report, json_file)
    if rules is None:
        return 2
    screen = console(json_file)
    screen.print(f"{file}: {number_of(len(rules), 'rule')}, nothing wrong", markup=False)
    for line in in_words(rules):
        screen.print(f"  {line}", markup=False)
    if needed is not None:
        screen.print(f"These rules need a calibration: {needed[1]}.", markup=False)
    return 0
