"""The verb ``calibrate-threshold``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flawscope.cli.choosing import validated_part
from flawscope.cli.data_options import LayoutOption, SplitsOption, ValidationSplitOption
from flawscope.cli.image_options import CalibrationIdOption, CalibrationOption
from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.cli.weights_copy import carrier, check_copy, write_copy

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.data.samples import SegmentationData
    from flawscope.evaluate.threshold_looks import Examine
    from flawscope.evaluate.threshold_tradeoff import RateName, Tradeoff
    from flawscope.inspect.inspector import Inspector
    from flawscope.segment import Segmenter

_MOST_NAMES = 8


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("calibrate-threshold")(calibrate_threshold)


def calibrate_threshold(
    weights: Annotated[
        str, typer.Option("--weights", "--segmenter", help=SEGMENTER_HELP, show_default=False)
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="DIR|YAML", help="A dataset with masks, sound images among them.", show_default=False
        ),
    ],
    escape: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share of defective pieces that may pass; or give --overkill."),
    ] = None,
    overkill: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of sound pieces that may be rejected.")
    ] = None,
    shown: Annotated[
        bool, typer.Option("--shown", help="The rate must be shown at 95 %, not only observed.")
    ] = False,
    rule_of: Annotated[
        Literal["image", "defect"],
        typer.Option(
            help="What escapes: a defective image that is passed, or each true defect not answered."
        ),
    ] = "image",
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Reject as inspect would by these rules; review counts as rejected."
        ),
    ] = None,
    calibration: CalibrationOption = None,
    calibration_id: CalibrationIdOption = None,
    min_area: Annotated[int, typer.Option(min=1, help="Regions of fewer pixels reject nothing.")] = 1,
    splits: SplitsOption = None,
    split: ValidationSplitOption = None,
    layout: LayoutOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for threshold.json, the curve as CSV and a picture.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Copy the weights there, with the new threshold inside."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> int:
    """Find the threshold for a wanted escape or overkill rate, and say how sure it is.

    The images must be labelled and must not have trained the weights. Exit code: 0 a threshold was found, 2 none
    keeps the wanted rate (the curve is written all the same) or nothing could be measured, 130 interrupted.
    """
    from flawscope.data.samples import open_data
    from flawscope.errors import DataError, UsageError
    from flawscope.evaluate.threshold_files import write_tradeoff
    from flawscope.evaluate.threshold_looks import GRID, look_at
    from flawscope.evaluate.threshold_tradeoff import Tradeoff
    from flawscope.outputs import check_writable

    rate: RateName = "escape" if escape is not None else "overkill"
    wanted = overkill if escape is None else escape
    if wanted is None or (escape is not None and overkill is not None):
        raise UsageError(
            "give either --escape or --overkill", remedy="See flawscope calibrate-threshold --help"
        )
    chosen_data = validated_part(open_data(data, layout=layout, splits=splits), split)
    segmenter = open_unprompted(weights, device=device)
    source = None
    if write is not None:
        instead = "Leave --write out and give the threshold to 'flawscope predict --threshold'"
        source = carrier(segmenter, "a threshold", option="--write", remedy=instead)
        check_copy(source, write)
    if out is not None:
        check_writable(out, folder=True)
    inspector = _inspector(segmenter, rule_of, rules, calibration, calibration_id)
    examine = _examine(segmenter, chosen_data, rule_of, inspector, min_area)
    with progress_bar() as bar:
        task = bar.add_task("Looking", total=len(chosen_data))
        seen = look_at(
            segmenter,
            chosen_data,
            examine,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    tradeoff = Tradeoff.of(seen)
    place = None if seen.interrupted else tradeoff.choose(rate, wanted, shown=shown)
    threshold = None if place is None else float(GRID[place])
    judged_by = {} if inspector is None else inspector.made_with()
    asked = {"rate": rate, "wanted": wanted, "shown": shown, "rule_of": rule_of, "min_area": min_area}
    report: dict[str, Any] = {
        "asked": {**asked, "rules": rules, "calibration": judged_by.get("--calibration")},
        "threshold": threshold,
        "at_threshold": None if place is None else _at(tradeoff, place),
        "cannot_be_promised": tradeoff.warnings(rate, wanted, chosen=place is not None),
        "doubts": [] if place is None else tradeoff.doubts(place),
        **tradeoff.to_json(),
    }
    for failure in seen.failures:
        print(f"error: {failure}", file=sys.stderr)
    screen = console(json_file)
    _print(screen, tradeoff, place, [*report["doubts"], *report["cannot_be_promised"]])
    emit_json("threshold", 1, report, json_file)
    if out is not None:
        write_tradeoff(tradeoff, report, out, chosen=threshold, wanted=(rate, wanted))
        screen.print(f"written to {out}", markup=False)
    if seen.interrupted:
        return 130
    if threshold is None:
        measured = tradeoff.escape if rate == "escape" else tradeoff.overkill
        best = (measured.at_most if shown else measured.value)[0 if rate == "escape" else -1]
        raise DataError(
            f"no threshold keeps the {rate} rate at {wanted:g}: the best is {best:.3g}"
            + (" at 95 %" if shown else "")
            if measured.pieces
            else f"there is no {'defective' if rate == 'escape' else 'sound'} image, so no {rate} rate",
            where=chosen_data.root,
            remedy="Ask for a higher rate, give more pieces, or train further",
        )
    if write is not None and source is not None:
        why = {**asked, "data": seen.data, "images": len(seen.looks)}
        if inspector is not None and inspector.rules is not None:
            why["rules"] = f"{Path(inspector.rules.source).name} (sha256 {inspector.rules.sha256})"
            why["calibration"] = judged_by["--calibration"]
        write_copy(source, write, "threshold_chosen", why, threshold=threshold)
        screen.print(f"{write}: the same weights with threshold {threshold:g}", markup=False)
    return 0


def _inspector(
    segmenter: Segmenter, rule_of: str, rules: Path | None, calibration: Path | None, identity: str | None
) -> Inspector | None:
    """Who judges, where there are rules."""
    from flawscope.cli.judged import open_calibration, open_inspector
    from flawscope.errors import UsageError

    if rules is None:
        if calibration is not None or identity is not None:
            raise UsageError(
                "nothing is measured without rules",
                where="--calibration" if calibration is not None else "--calibration-id",
                remedy="Add --rules, or leave it out",
            )
        return None
    if rule_of == "defect":
        raise UsageError(
            "rules judge images, not single defects",
            where="--rule-of",
            remedy="Leave --rule-of defect out",
        )
    return open_inspector(rules, open_calibration(calibration, identity, segmenter), segmenter.labels)


def _examine(
    segmenter: Segmenter, data: SegmentationData, rule_of: str, inspector: Inspector | None, min_area: int
) -> Examine:
    from flawscope.cli.deciding import decision
    from flawscope.evaluate.threshold_looks import by_decision, by_defect, by_image

    if inspector is not None:
        return by_decision(decision(inspector, segmenter.labels, min_area))
    return by_image(min_area) if rule_of == "image" else by_defect(segmenter.labels, data, min_area)


def _at(tradeoff: Tradeoff, place: int) -> dict[str, Any]:
    return {
        "escape": tradeoff.escape.at(place),
        "overkill": tradeoff.overkill.at(place),
        "images_that_go_wrong": tradeoff.wrong_at(place),
    }


def _print(screen: Console, tradeoff: Tradeoff, place: int | None, warnings: list[str]) -> None:
    from rich.table import Table

    from flawscope.evaluate.threshold_looks import GRID
    from flawscope.inspect.counted import number_of

    seen = tradeoff.seen
    screen.print(f"{seen.source} on {seen.data}, {number_of(len(seen.looks), 'image')}", markup=False)
    if place is not None:
        screen.print(f"threshold {GRID[place]:g}", style="bold", markup=False)
        table = Table(box=None, pad_edge=False)
        for title in ("", "rate", "95 % interval", "at most, at 95 %", "pieces", "images"):
            table.add_column(title, justify="left" if not title else "right")
        for rate in (tradeoff.escape, tradeoff.overkill):
            if rate.pieces:
                table.add_row(
                    rate.name,
                    f"{rate.value[place]:.2%}",
                    f"{rate.low[place]:.2%} to {rate.high[place]:.2%}",
                    f"{rate.at_most[place]:.2%}",
                    str(rate.pieces),
                    str(rate.images),
                )
        screen.print(table)
        for name, images in tradeoff.wrong_at(place).items():
            if images:
                more = f" and {len(images) - _MOST_NAMES} more" if len(images) > _MOST_NAMES else ""
                screen.print(f"{name}: {', '.join(images[:_MOST_NAMES])}{more}", markup=False)
    for line in (*seen.notes, *warnings):
        screen.print(line, markup=False)
