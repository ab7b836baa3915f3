"""The verb ``data check``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.data_options import LayoutOption, SplitsOption
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.data.check import CheckReport, Progress

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def register(data_app: typer.Typer) -> None:
    """Add the verb to ``flawscope data``."""
    data_app.command("check")(check)


def check(
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="Dataset folder, dataset.yaml or annotation file.")
    ],
    splits: SplitsOption = None,
    layout: LayoutOption = "auto",
    leakage: Annotated[
        bool, typer.Option("--leakage/--no-leakage", help="Search for copies among the images.")
    ] = True,
    examples: Annotated[int, typer.Option(help="Examples shown of each finding.", min=0)] = 3,
    groups: Annotated[
        Path | None,
        typer.Option(help="Write which images belong together, for 'flawscope data split --group-by FILE'."),
    ] = None,
    json_target: JsonOption = None,
) -> None:
    """Examine a dataset: broken files, doubtful masks, class balance, and images that leak between splits.

    Every image and mask is read; every image is compared with every other, turned and mirrored, so that a copy
    is found even when it was rotated, flipped, resized, relit or recompressed. The JSON report names every pair.

    Exit code 0 when nothing serious was found, 1 when something of severity 'error' was, 2 when the dataset
    cannot be opened.
    """
    from flawscope.data.check import check as examine
    from flawscope.data.check import open_for_check
    from flawscope.outputs import write_json

    if groups is not None and not leakage:
        raise UsageError(
            "groups come from the search for copies", where="--groups", remedy="Leave --no-leakage out"
        )
    out = console(json_target)
    data = open_for_check(path, layout, splits)
    with _bar() as progress:
        report = examine(data, leakage=leakage, progress=progress)
    _print(out, report, examples)
    emit_json("data-check", 1, report.to_json(), json_target)
    if groups is not None:
        together = report.groups()
        write_json(groups, together)
        out.print(f"groups: {groups} ({len(set(together.values()))} of several images)", markup=False)
    if report.serious:
        raise typer.Exit(1)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on standard error, when a person watches it."""
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    shown = sys.stderr.isatty()
    with bars.Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        tasks: dict[str, bars.TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done)

        yield tell


def _print(out: Console, report: CheckReport, examples: int) -> None:
    from flawscope.inspect.counted import number_of

    data = report.data
    facts = report.to_json()["dataset"]
    out.print(
        f"{data.name}: {number_of(facts['images'], 'image')}, {facts['labelled']} labelled, layout {data.layout}",
        markup=False,
    )
    for title, counts in (
        ("splits", facts["splits"]),
        ("sizes", facts["sizes"]),
        ("pixels", facts["depths"]),
        ("masks", facts["mask_encodings"]),
    ):
        if counts:
            shown = [f"{name} {count}" for name, count in list(counts.items())[:4]]
            more = f", and {len(counts) - 4} more" if len(counts) > 4 else ""
            out.print(f"  {title:<7} {', '.join(shown)}{more}", markup=False)
    if report.distinct is not None:
        out.print(f"  copies  {facts['images'] - report.distinct}, so {report.distinct} distinct images")
    _print_classes(out, report)
    _print_leaks(out, report)
    _print_findings(out, report, examples)


def _print_classes(out: Console, report: CheckReport) -> None:
    from rich.table import Table

    rows = report.class_table()
    if not any(row["images"] for row in rows):
        return
    splits = [split for split in report.splits if any(row["images_by_split"][split] for row in rows)]
    table = Table(title="Classes", title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    for column in ("images", *splits, "share of pixels"):
        table.add_column(column, justify="right")
    for row in rows:
        by_split = [str(row["images_by_split"][split]) for split in splits]
        table.add_row(row["label"], str(row["images"]), *by_split, f"{row['share']:.2%}")
    out.print()
    out.print(table)


def _print_leaks(out: Console, report: CheckReport) -> None:
    from rich.table import Table

    leaked = report.leaked() if report.pairs is not None else {}
    if not leaked:
        return
    table = Table(title="Copies across splits", title_justify="left", box=None, pad_edge=False)
    table.add_column("split")
    for column in ("images", "with a copy elsewhere", "only alike"):
        table.add_column(column, justify="right")
    for split, row in leaked.items():
        table.add_row(split, str(row["images"]), str(row["with_copy"]), str(row["only_alike"]))
    out.print()
    out.print(table)


def _print_findings(out: Console, report: CheckReport, examples: int) -> None:
    from rich.markup import escape

    if not report.findings:
        out.print(f"\n[bold green]Nothing to complain about.[/bold green] {_verdict(report)}")
        return
    for finding in report.findings:
        colour = _COLOURS[finding.severity]
        out.print(
            f"\n[{colour}]{finding.severity}[/{colour}]  {finding.what}: [bold]{finding.count:,}[/bold]"
        )
        for item in finding.items[:examples]:
            out.print(f"    {escape(item)}")
        if len(finding.items) > examples > 0:
            out.print(f"    ... and {len(finding.items) - examples:,} more")
        out.print(f"  > {escape(finding.remedy)}", style="dim")
    counts = report.to_json()["counts"]
    words = [f"{counts[name]} {name}{'s' if counts[name] != 1 else ''}" for name in _COLOURS]
    out.print(f"\n{', '.join(words)}. {escape(_verdict(report))}")


def _verdict(report: CheckReport) -> str:
    if report.serious:
        return "Mend the errors before training."
    untaught = report.untaught()
    if untaught:
        return f"Divide it again before training: 'train' does not show {', '.join(untaught)}."
    return "Good to use."
