"""The verb ``robustness``."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.choosing import tested_part
from flawscope.cli.data_options import LayoutOption, SplitsOption, TestSplitOption
from flawscope.cli.lists import listed
from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.data.samples import SegmentationData
    from flawscope.evaluate.robustness import Curves

_DRAWN_SIDE = 256


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("robustness")(robustness)


def robustness(
    weights: Annotated[
        list[str],
        typer.Option(
            "--weights", "--segmenter", help=f"{SEGMENTER_HELP} Several times to compare.", show_default=False
        ),
    ],
    data: Annotated[str, typer.Option(metavar="DIR|YAML", help="A dataset with masks.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for robustness.json, the table, the curves and examples.", show_default=False
        ),
    ],
    splits: SplitsOption = None,
    split: TestSplitOption = None,
    layout: LayoutOption = "auto",
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these degradations: blur,jpeg. Default: all.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="At most so many images, evenly spread. Default: all.")
    ] = None,
    drawn_clean: Annotated[
        int, typer.Option(min=0, help="Count false alarms on so many drawn sound surfaces too.")
    ] = 0,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Default: the one in the weights.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bootstrap; 0 for no intervals.")] = 1000,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Of what is random in degradations, of drawn surfaces, of the bootstrap."),
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> int:
    """Measure what weights lose when images get worse: noise, blur, light, JPEG, rotation, scale.

    An image that cannot be used is reported on one line and the rest goes on. Exit code: 0 figures were made, 2
    nothing could be measured or the arguments do not fit together, 130 interrupted; degrees that were finished by
    then are still written.
    """
    from flawscope.data.samples import open_data
    from flawscope.evaluate.robustness import Plan, choose, measure, write_robustness
    from flawscope.outputs import check_writable

    chosen = choose(None if only is None else listed(only))
    part = _spread(tested_part(open_data(data, layout=layout, splits=splits), split), images)
    segmenters = [open_unprompted(one, device=device) for one in weights]
    check_writable(out, folder=True)
    found: list[Curves] = []
    told: set[str] = set()
    with ExitStack() as stack:
        drawn = None
        if drawn_clean:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flawscope-")))
            drawn = _draw(folder / "drawn", drawn_clean, seed)
        plan = Plan(part, chosen, drawn, threshold, resamples, seed)
        bar = stack.enter_context(progress_bar())
        task = bar.add_task("Degrading", total=plan.images * len(segmenters))
        for segmenter, name in zip(
            segmenters, _names([one.name for one in segmenters], weights), strict=True
        ):
            try:
                curves = measure(segmenter, plan, lambda: bar.advance(task))
            except KeyboardInterrupt:
                if not found:
                    raise
                found[-1].interrupted = True
                break
            curves.source = name
            found.append(curves)
            for failure in curves.failures:
                if failure not in told:
                    print(f"error: {failure}", file=sys.stderr)
                told.add(failure)
            if curves.interrupted:
                break
    interrupted = any(curves.interrupted for curves in found)
    report: dict[str, Any] = {
        "settings": {
            "threshold": threshold,
            "images": images,
            "drawn_clean": drawn_clean,
            "resamples": resamples,
            "seed": seed,
        },
        "sheet": {
            one.name: {"title": one.title, "untouched": one.untouched, "degrees": list(one.degrees)}
            for one in chosen
        },
        "interrupted": interrupted,
        "curves": [curves.to_json() for curves in found],
    }
    screen = console(json_file)
    for curves in found:
        _print(screen, curves)
    emit_json("robustness", 1, report, json_file)
    write_robustness(found, chosen, report, out)
    screen.print(f"written to {out}", markup=False)
    return 130 if interrupted else 0


def _spread(data: SegmentationData, wanted: int | None) -> SegmentationData:
    labelled = data.labelled()
    if wanted is None or len(labelled) <= wanted:
        return data
    count = len(labelled)
    return replace(labelled, samples=tuple(labelled.samples[i * count // wanted] for i in range(wanted)))


def _draw(folder: Path, count: int, seed: int) -> SegmentationData:
    """Sound surfaces of every kind, with the blemishes that are no defects."""
    from flawscope.data.synthetic import write_dataset

    data = write_dataset(folder, count, _DRAWN_SIDE, _DRAWN_SIDE, seed=seed, clean_probability=1.0)
    return data.binary()


def _names(names: list[str], specs: list[str]) -> list[str]:
    """What to call each: its name, or what was typed where several share it."""
    return [spec if names.count(name) > 1 else name for name, spec in zip(names, specs, strict=True)]


def _print(screen: Console, curves: Curves) -> None:
    from rich import box
    from rich.table import Table

    from flawscope.evaluate.robustness.table import rows_of
    from flawscope.inspect.counted import number_of

    screen.print(
        f"{curves.source} on {curves.data}: {number_of(curves.untouched.images, 'image')}, "
        f"threshold {curves.threshold:.3g}",
        markup=False,
    )
    head, *rows = rows_of(curves, brief=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, title in enumerate(head):
        table.add_column(title, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    screen.print(table)
    for note in curves.notes:
        screen.print(f"note: {note}", markup=False)
