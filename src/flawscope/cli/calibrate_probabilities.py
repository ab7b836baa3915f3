"""The verb ``calibrate-probabilities``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.choosing import validated_part
from flawscope.cli.data_options import LayoutOption, SplitsOption, ValidationSplitOption
from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.cli.weights_copy import carrier, check_copy, write_copy

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.evaluate.temperature_check import FittedTemperature

_TITLES = {"ece": "ECE", "mce": "MCE", "nll": "log loss"}
"""Of a pixel: see docs/metrics.md; the log loss is in nats."""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("calibrate-probabilities")(calibrate_probabilities)


def calibrate_probabilities(
    weights: Annotated[
        str, typer.Option("--weights", "--segmenter", help=SEGMENTER_HELP, show_default=False)
    ],
    data: Annotated[str, typer.Option(metavar="DIR|YAML", help="A dataset with masks.", show_default=False)],
    splits: SplitsOption = None,
    split: ValidationSplitOption = None,
    layout: LayoutOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Copy the weights there, with the temperature inside."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bootstrap; 0 for no intervals.")] = 1000,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the division into halves, of drawn pixels and of the bootstrap.")
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> int:
    """Find the temperature that makes probabilities say how often they are right, and check it.

    The images must be labelled and must not have trained the weights. They are divided into two halves by group; what
    is fitted on one is checked on the other, and the temperature in the copy is fitted on all. Exit code: 0 a
    temperature was found, 2 none was, 130 interrupted.
    """
    from flawscope.data.samples import open_data
    from flawscope.evaluate.seen_pixels import see_pixels
    from flawscope.evaluate.temperature_check import fit_and_check
    from flawscope.inspect.counted import number_of
    from flawscope.segment.temperature import tempered_level

    chosen = validated_part(open_data(data, layout=layout, splits=splits), split)
    instead = "Give a .safetensors or .onnx file, a run folder or a shipped name"
    source = carrier(
        open_unprompted(weights, device=device), "a temperature", option="--weights", remedy=instead
    )
    if out is not None:
        check_copy(source, out)
    with progress_bar() as bar:
        task = bar.add_task("Looking", total=len(chosen))
        seen = see_pixels(
            source,
            chosen,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for failure in seen.failures:
        print(f"error: {failure}", file=sys.stderr)
    fitted = fit_and_check(seen, seed=seed, resamples=resamples)
    old = source.header
    temperature = old.temperature * fitted.temperature
    threshold = tempered_level(old.threshold, fitted.temperature)
    notes = [*seen.notes, *_notes(fitted, old.temperature, several=len(source.labels) > 1)]
    report: dict[str, Any] = {
        "source": seen.source,
        "data": seen.data,
        "images": len(seen.images),
        **fitted.to_json(),
        "temperature_before": old.temperature,
        "temperature_stored": temperature,
        "threshold_before": old.threshold,
        "threshold_stored": threshold,
        "notes": notes,
        "failures": seen.failures,
    }
    screen = console(json_file)
    screen.print(f"{seen.source} on {seen.data}, {number_of(len(seen.images), 'image')}", markup=False)
    _print(screen, fitted)
    for line in notes:
        screen.print(f"note: {line}", markup=False)
    emit_json("probabilities", 1, report, json_file)
    if out is not None:
        why = {
            "data": seen.data,
            "images": len(seen.images),
            **{
                f"{name}_{when}": getattr(fitted.figures[name], when)
                for name in ("ece", "nll")
                for when in ("before", "after")
            },
        }
        write_copy(source, out, "temperature_fitted", why, temperature=temperature, threshold=threshold)
        screen.print(
            f"{out}: the same weights with temperature {temperature:.3g}; threshold {old.threshold:.3g} became "
            f"{threshold:.3g}",
            markup=False,
        )
    return 0


def _notes(fitted: FittedTemperature, before: float, *, several: bool) -> list[str]:
    lines = []
    if before != 1.0:
        lines.append(f"the weights had temperature {before:.3g} already; both are multiplied")
    lines += [
        f"the {_TITLES[name]} did not fall on images that were not fitted: the old weights are as good"
        for name in ("ece", "nll")
        if fitted.figures[name].change >= 0
    ]
    if several:
        lines.append("several classes: a mask may change where they share the probability")
    return lines


def _print(screen: Console, fitted: FittedTemperature) -> None:
    from rich.table import Table

    one, two = fitted.of_halves
    screen.print(
        f"temperature {fitted.temperature:.3f} (on half the images {one:.3f}, on the other {two:.3f})",
        style="bold",
        markup=False,
    )
    table = Table(box=None, pad_edge=False)
    for title in ("each half by the other's", "before", "after", "change", "95 % of the change"):
        table.add_column(title, justify="right" if table.columns else "left", no_wrap=True)
    for name, figure in fitted.figures.items():
        ends = figure.intervals.get("change")
        table.add_row(
            _TITLES[name],
            f"{figure.before:.4f}",
            f"{figure.after:.4f}",
            f"{figure.change:+.4f}",
            "" if ends is None else f"{ends[0]:+.4f} to {ends[1]:+.4f}",
        )
    screen.print(table)
