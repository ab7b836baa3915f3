"""The verb ``data``: find, fetch, check, split, convert and draw datasets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from flawscope.cli import data_check, data_strip, data_synth
from flawscope.cli.output import JsonOption, console, emit_json

LayoutOption = Annotated[
    str, typer.Option("--layout", help="Read it in this layout instead of recognising it; see 'data list'.")
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    data_app = typer.Typer(help="Find, fetch, check, split, convert and draw datasets.", no_args_is_help=True)
    data_app.command("list")(list_)
    data_app.command("fetch")(fetch)
    data_check.register(data_app)
    data_app.command("split")(split)
    data_app.command("convert")(convert)
    data_synth.register(data_app)
    data_strip.register(data_app)
    app.add_typer(data_app, name="data")


def list_(json_target: JsonOption = None) -> None:
    """Show the layouts that can be read and the public datasets that can be fetched."""
    from flawscope.data.catalogue import CATALOGUE
    from flawscope.data.layouts import LAYOUTS

    say = console(json_target)
    say.print("[bold]Layouts[/bold]: what --data can be, recognised by itself")
    for name, layout in LAYOUTS.items():
        say.print(f"\n  [bold cyan]{name}[/bold cyan]")
        say.print(f"    looks like  {layout.description}", markup=False)
        say.print(f"    values      {layout.values}", markup=False)
        say.print(f"    source      {layout.source}", markup=False)
    say.print("\nA dataset.yaml describes anything else, and joins several; docs/data.md shows how.")
    say.print("\n[bold]Public datasets[/bold]: flawscope data fetch NAME --out DIR")
    for name, entry in CATALOGUE.items():
        way = {"open": "can be fetched", "form": "behind a form or login", "password": "behind a password"}
        say.print(f"\n  [bold cyan]{name}[/bold cyan]  ({way[entry.access]})")
        say.print(f"    shows       {entry.description}", markup=False)
        say.print(f"    terms       {entry.terms}", markup=False)
        say.print(f"    source      {entry.source}", markup=False)
    layouts = [
        {"name": name, "description": one.description, "values": one.values, "source": one.source}
        for name, one in LAYOUTS.items()
    ]
    public = [
        {
            "name": name,
            "description": one.description,
            "layout": one.layout,
            "access": one.access,
            "terms": one.terms,
            "source": one.source,
            "url": one.url,
            "steps": list(one.steps),
        }
        for name, one in CATALOGUE.items()
    ]
    emit_json("data-list", 1, {"layouts": layouts, "datasets": public}, json_target)


def fetch(
    name: Annotated[str, typer.Argument(help="A public dataset; 'flawscope data list' shows them.")],
    out: Annotated[Path | None, typer.Option(help="Folder to make. Default: ./NAME.")] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Another address of the archive (a mirror), or an archive file you have."),
    ] = None,
    max_gb: Annotated[float, typer.Option(help="Refuse to download more than this.", min=0.0)] = 20.0,
    keep_archive: Annotated[bool, typer.Option(help="Do not delete the archive after unpacking.")] = False,
    json_target: JsonOption = None,
) -> None:
    """Download a public dataset from its authors' repository, or say how to get it.

    An interrupted download continues where it stopped when the same command runs again.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from flawscope.data.catalogue import look_up
    from flawscope.data.download import Limits
    from flawscope.data.fetching import already_there
    from flawscope.data.fetching import fetch as fetch_set
    from flawscope.inspect.counted import number_of

    say = console(json_target)
    entry = look_up(name)
    target = (out or Path(name)).absolute()
    report = {
        "name": name,
        "out": target,
        "source": entry.source,
        "terms": entry.terms,
        "access": entry.access,
    }
    data = already_there(entry, target)
    if data is None and entry.access != "open" and url is None:
        say.print(f"'{name}' cannot be fetched by a program ({entry.terms}). To get it:", markup=False)
        for number, step in enumerate(entry.steps, start=1):
            say.print(f"  {number}. {step.format(out=target)}", markup=False)
        say.print(f"  {len(entry.steps) + 1}. Check it with: flawscope data check {target}", markup=False)
        steps = [step.format(out=str(target)) for step in entry.steps]
        emit_json("data-fetch", 1, {**report, "status": "manual", "steps": steps}, json_target)
        raise typer.Exit(2)
    status = "present"
    if data is None:
        status = "fetched"
        say.print(f"{name}: {entry.description}", markup=False)
        say.print(f"from {url or entry.url}", markup=False)
        say.print(f"terms: {entry.terms}", markup=False)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(
            *columns, console=console("-"), transient=True, disable=not sys.stderr.isatty()
        ) as bars:
            loading = bars.add_task("downloading", total=None)
            files = bars.add_task("unpacking", total=None, visible=False)
            data = fetch_set(
                entry,
                target,
                url=url,
                limits=Limits(bytes=int(max_gb * 1e9)),
                keep_archive=keep_archive,
                progress=lambda have, total: bars.update(loading, completed=have, total=total),
                unpacking=lambda done, total: bars.update(files, completed=done, total=total, visible=True),
            )
    say.print(f"{status}: {target}", markup=False)
    say.print(f"{number_of(len(data), 'image')}, classes: {', '.join(data.labels)}", markup=False)
    _tell_problems(say, [str(problem) for problem in data.problems])
    say.print(f"next: flawscope data check {target}", markup=False)
    counts = {"images": len(data), "labels": list(data.labels), "problems": [str(p) for p in data.problems]}
    emit_json("data-fetch", 1, {**report, "status": status, **counts}, json_target)


def split(
    source: Annotated[
        str, typer.Argument(metavar="DIR", help="A dataset: folder, dataset.yaml or COCO file.")
    ],
    val: Annotated[float, typer.Option(help="Share of validation.", min=0.0, max=1.0)] = 0.1,
    test: Annotated[float, typer.Option(help="Share of test.", min=0.0, max=1.0)] = 0.2,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX|FILE",
            help="What belongs together: a regular expression on sample names (its first parenthesis), or a CSV "
            "(image,group) or JSON file.",
        ),
    ] = None,
    stratify: Annotated[
        Literal["kind", "none"], typer.Option(help="Spread kinds of images alike over the splits.")
    ] = "kind",
    seed: Annotated[int, typer.Option(help="The same seed gives the same splits.")] = 0,
    out: Annotated[Path, typer.Option(help="Split file to write.")] = Path("splits.json"),
    layout: LayoutOption = "auto",
    json_target: JsonOption = None,
) -> None:
    """Divide a dataset into train, val and test; images of one group never part."""
    from rich.table import Table

    from flawscope.data.dividing import divide, summary
    from flawscope.data.dividing import group_by as group
    from flawscope.data.samples import open_data
    from flawscope.data.splits import write_splits

    say = console(json_target)
    data = open_data(source, layout=layout)
    if group_by is not None:
        data = group(data, group_by)
    divided = divide(data, val=val, test=test, stratify=stratify, seed=seed)
    grouped = any(sample.group is not None for sample in divided.samples)
    note = f"flawscope data split, val {val:g}, test {test:g}, seed {seed}, stratified by {stratify}"
    note += (
        f", grouped by {group_by}"
        if group_by
        else ", with the dataset's groups"
        if grouped
        else ", no groups"
    )
    write_splits(out, divided, note)
    told = summary(divided.samples)
    kinds = list(
        dict.fromkeys(k for counts in told.values() for k in counts if k not in ("images", "groups"))
    )
    table = Table("", *told)
    for key in ("images", "groups", *kinds):
        table.add_row(key, *(str(counts.get(key, 0)) for counts in told.values()))
    say.print(table)
    if not grouped:
        say.print("Every image is its own group. If several show one piece, say so with --group-by.")
    empty = [name for name, share in (("val", val), ("test", test)) if share > 0 and name not in told]
    for name in empty:
        say.print(f"[yellow]warning[/yellow]: '{name}' is empty; there are too few groups for its share")
    say.print(f"written: {out}", markup=False)
    say.print(f"next: flawscope data check {source} --splits {out}", markup=False)
    report = {"source": source, "out": out, "seed": seed, "stratify": stratify, "group_by": group_by}
    emit_json("data-split", 1, {**report, "splits": told, "empty": empty}, json_target)


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A dataset: folder, dataset.yaml or annotation file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    to: Annotated[Literal["plain", "coco"], typer.Option("--to", help="The layout to write.")] = "plain",
    splits: Annotated[str | None, typer.Option(help="Split file (JSON); others are left out.")] = None,
    binary: Annotated[bool, typer.Option("--binary", help="Merge all classes into one, 'defect'.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write into a folder that is not empty.")
    ] = False,
    layout: LayoutOption = "auto",
    json_target: JsonOption = None,
) -> None:
    """Write a dataset in another layout, pixel for pixel; images are copied byte for byte."""
    from rich.progress import Progress

    from flawscope.data.converting import convert as convert_data
    from flawscope.data.samples import open_data
    from flawscope.inspect.counted import number_of

    say = console(json_target)
    data = open_data(source, layout=layout, splits=splits)
    data = data.binary() if binary else data
    with Progress(console=console("-"), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("converting", total=len(data))
        done = convert_data(data, to, out, overwrite=overwrite, progress=lambda: bars.advance(task))
    problems = [str(problem) for problem in (*data.problems, *done.problems)]
    say.print(f"{data.name}: read as {data.layout}, classes: {', '.join(data.labels)}", markup=False)
    say.print(f"written: {number_of(done.images, 'image')}, {done.masks} with a mask, to {out}", markup=False)
    if to == "plain":
        say.print("Masks hold class numbers (0, 1, 2, ...), so they look black in a picture viewer.")
    _tell_problems(say, problems)
    report = {"source": source, "out": out, "to": to, "labels": list(data.labels)}
    counts = {"images": done.images, "masks": done.masks, "problems": problems}
    emit_json("data-convert", 1, {**report, **counts}, json_target)


def _tell_problems(say: Console, problems: list[str]) -> None:
    if problems:
        say.print(f"[yellow]{len(problems)} problem(s)[/yellow]:")
        for problem in problems[:10]:
            say.print(f"  {problem}", markup=False)
        if len(problems) > 10:
            say.print(f"  and {len(problems) - 10} more; --json FILE lists all", markup=False)
