"""The verb ``study``: train and measure many networks alike, and make tables of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.image_options import DeviceOption
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar

if TYPE_CHECKING:
    from flawscope.study import Run, RunFiles, Study

RESULTS = Path("benchmarks/results/study")

StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="A study's YAML file.")]
StudiesArgument = Annotated[list[Path], typer.Argument(metavar="STUDY...", help="YAML files of studies.")]
ResultsOption = Annotated[
    Path, typer.Option("--results", metavar="DIR", help="Where finished runs are kept.")
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    study = typer.Typer(help="Train and measure many networks alike, and make tables.", no_args_is_help=True)
    study.command("run")(run)
    study.command("list")(list_runs)
    study.command("time")(time)
    study.command("report")(report)
    app.add_typer(study, name="study")


def run(
    file: StudyArgument,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ROW", help="Only this row; repeat it for more.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Only this seed; repeat it for more.")] = None,
    results: ResultsOption = RESULTS,
    work: Annotated[Path, typer.Option(metavar="DIR", help="Run folders of the trainings.")] = Path(
        "runs/study"
    ),
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Stop at the end of the epoch that passes them; run again to go on."),
    ] = None,
    device: DeviceOption = "auto",
    json_file: JsonOption = None,
) -> int:
    """Train and measure what is not finished yet, run by run.

    Every finished run is one JSON file in --results. Ctrl-C, a kill or a power cut lose at most an epoch: the same
    command goes on. A row that cannot be run costs one line, and the rest goes on; the exit code is then 2.
    """
    import time as clock

    from flawscope.errors import FlawscopeError
    from flawscope.study import RunFiles, read_study
    from flawscope.study.running import Workshop

    study = read_study(file)
    runs = _chosen(study, only, seed)
    out = console(json_file)
    files = RunFiles(results)
    began = clock.monotonic()
    done, failed = [], []
    for number, one in enumerate(runs, start=1):
        left = None if minutes is None else minutes - (clock.monotonic() - began) / 60
        if left is not None and left <= 0:
            out.print("time is up; the same command goes on")
            break
        out.print(f"{number}/{len(runs)} {one.name}", markup=False)
        with progress_bar() as bar:
            task = bar.add_task("Measuring", total=None)
            workshop = Workshop(
                study,
                files,
                work,
                device=device,
                minutes=left,
                say=lambda line: out.print(line, markup=False),
                progress=lambda count, total, bar=bar, task=task: bar.update(
                    task, completed=count, total=total
                ),  # type: ignore[misc]
            )
            try:
                finished = workshop.make(one)
            except FlawscopeError as error:
                typer.echo(f"error: {one.name}: {error}", err=True)
                failed.append(one.name)
                continue
        if finished is None:
            out.print("  time is up before its end; the same command goes on")
            continue
        done.append(one.name)
        for test in study.measured_on(study.row(one.row)):
            figures = finished.figures(test)
            shown = "  ".join(
                f"{name} {value:.4f}"
                for name in study.file.figures
                if (value := figures.get(name)) is not None
            )
            out.print(f"  {test}: {shown}", markup=False)
    emit_json("study-runs", 1, {"study": study.name, "done": done, "failed": failed}, json_file)
    return 2 if failed else 0


def list_runs(file: StudyArgument, results: ResultsOption = RESULTS, json_file: JsonOption = None) -> None:
    """Every run of a study: whether it is finished, and the command that makes it again."""
    from flawscope.study import RunFiles, read_study

    study, files = read_study(file), RunFiles(results)
    out = console(json_file)
    rows = []
    for one in study.runs():
        finished = files.find(one) is not None
        command = f"flawscope study run {file} --only {_quoted(one.row)} --seed {one.seed}"
        rows.append({"run": one.name, "finished": finished, "command": command})
        out.print(f"{'done' if finished else '    '}  {one.name:<40} {command}", markup=False)
    emit_json("study", 1, {"study": study.name, "runs": rows}, json_file)


def time(
    files: StudiesArgument,
    results: ResultsOption = RESULTS,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    repeats: Annotated[int, typer.Option(min=1, help="Turns that count.")] = 30,
) -> None:
    """Time every network of some studies in turns, all in one run, into timings.json of --results."""
    from flawscope.study.timing import time_networks

    studies = _read(files)
    kept = _kept(results)
    finished = [found for study in studies for one in study.runs() if (found := kept.find(one)) is not None]
    out = console()
    with progress_bar() as bar:
        task = bar.add_task("Timing", total=None)
        timed = time_networks(
            finished,
            results / "timings.json",
            threads=threads,
            repeats=repeats,
            on_turn=lambda: bar.advance(task),
        )
    for name, timing in timed["networks"].items():
        out.print(f"{timing['median_ms']:9.1f} ms  {name}", markup=False)


def report(
    files: StudiesArgument,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page (Markdown).")] = Path("docs/results.md"),
    results: ResultsOption = RESULTS,
) -> None:
    """Render tables and pictures of studies from their finished runs."""
    from flawscope.study.page import write_page

    written = write_page(_read(files), _kept(results), out, results / "timings.json")
    console().print(f"written to {written}", markup=False)


def _read(files: Sequence[Path]) -> list[Study]:
    from flawscope.study import read_study

    return [read_study(file) for file in files]


def _kept(results: Path) -> RunFiles:
    from flawscope.study import RunFiles

    return RunFiles(results)


def _chosen(study: Study, rows: Sequence[str] | None, seeds: Sequence[int] | None) -> list[Run]:
    """The runs that were asked for; raises UsageError where there are none."""
    from flawscope.errors import UsageError

    wanted = {study.row(name).name for name in rows or ()}
    runs = [
        one for one in study.runs() if (not wanted or one.row in wanted) and (not seeds or one.seed in seeds)
    ]
    if not runs:
        raise UsageError(
            "no run of the study has this seed", where="--seed", remedy="See flawscope study list"
        )
    return runs


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
