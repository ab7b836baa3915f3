"""The verb ``inspect``: from images or strips to measured defects and a verdict."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.image_options import (
    AllowReductionOption,
    BinarizeOption,
    CalibrationIdOption,
    CalibrationOption,
    DeviceOption,
    EveryOption,
    LimitOption,
    MasksOption,
    MinAreaOption,
    OutOption,
    OverlaysOption,
    OverwriteOption,
    PageOption,
    ProbabilitiesOption,
    ReportOption,
    ResumeOption,
    RulesOption,
    Sources,
    ThreadsOption,
    ThresholdOption,
    WeightsOption,
    WhiteOption,
)
from flawscope.cli.inspect_strips import (
    StoredRows,
    inspect_strips,
    is_strip,
    look_for_idle_options,
    look_for_strip_options,
)
from flawscope.cli.judged import (
    count_outcomes,
    exit_code,
    open_calibration,
    open_inspector,
    outcomes_in_words,
    verdict_line,
)
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.cli.predict import (
    find_images,
    in_words,
    keep_problems,
    make_report,
    prepare,
    run_batch,
    without_masks,
)
from flawscope.cli.tiling import OverlapOption, TileOption

if TYPE_CHECKING:
    from flawscope.inspect import Outcome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("inspect")(inspect)


def inspect(
    context: typer.Context,
    sources: Sources,
    weights: WeightsOption = "ocinet-tiny",
    rules: RulesOption = None,
    calibration: CalibrationOption = None,
    calibration_id: CalibrationIdOption = None,
    out: OutOption = Path("inspected"),
    strip: Annotated[
        bool, typer.Option("--strip", help="Inspect the files as strips, row by row, of any length.")
    ] = False,
    width: Annotated[int | None, typer.Option(min=1, help="Of raw strips: pixels in a row.")] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Rows that each strip must have. Without it a raw file that was cut short passes for whole.",
        ),
    ] = None,
    dtype: Annotated[str, typer.Option(help="Of raw strips: uint8, uint16 or float32; >u2.")] = "uint8",
    channels: Annotated[int, typer.Option(help="Of raw strips: 1 or 3, interleaved.")] = 1,
    skip_background: Annotated[
        float | None,
        typer.Option(
            metavar="LEVEL",
            help="Of strips: skip tiles that look like most others, learnt from the strip; the higher, the more. "
            "Nobody sees what is skipped: docs/strips.md says what it missed. Default: off.",
            show_default=False,
        ),
    ] = None,
    threshold: ThresholdOption = None,
    binarize: BinarizeOption = "threshold",
    min_area: MinAreaOption = 1,
    masks: MasksOption = True,
    overlays: OverlaysOption = True,
    probabilities: ProbabilitiesOption = False,
    report: ReportOption = False,
    white: WhiteOption = None,
    tile: TileOption = None,
    overlap: OverlapOption = None,
    allow_reduction: AllowReductionOption = False,
    page: PageOption = None,
    every: EveryOption = 1,
    limit: LimitOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    json_file: JsonOption = None,
) -> int:
    """Find, measure and judge defects: what predict does, and sizes and a verdict for every image.

    Files of more than 256 MiB are inspected as strips. Exit code: 0 all accepted, 1 some image is to be
    rejected or reviewed, 2 some input failed or the command could not go on, 130 interrupted.
    """
    from flawscope.inspect import Found, Outcome, Wanted, open_results, summary, tally
    from flawscope.inspect.strip_records import check_for_strips

    found = find_images(sources, out, resume=resume, overwrite=overwrite)
    if not found.files:
        return 2
    strips = tuple(file for file in found.files if strip or is_strip(file[0]))
    images = Found(tuple(file for file in found.files if file not in strips), ())
    idle = look_for_idle_options(context, strips, only=not images.files)
    idle += look_for_strip_options(skip_background, images.files, strips)
    segmenter, settings, made_with = prepare(
        weights,
        threshold,
        binarize,
        min_area,
        tile,
        overlap,
        page,
        white,
        allow_reduction=allow_reduction,
        device=device,
        threads=threads,
    )
    scale = open_calibration(calibration, calibration_id, segmenter)
    inspector = open_inspector(rules, scale, segmenter.labels)
    if not images.files:
        check_for_strips(settings, inspector)
    folder = open_results(
        out,
        Wanted(masks, overlays, probabilities),
        resume=resume,
        overwrite=overwrite,
        made_with={
            "command": "inspect",
            **made_with,
            "--skip-background": skip_background,
            **inspector.made_with(),
        },
    )
    before = len(folder.records)
    keep_problems(folder, found)
    started = time.perf_counter()
    outcome = Outcome()
    if images.files:
        outcome = run_batch(
            segmenter,
            images,
            folder,
            settings,
            inspector=inspector,
            every=every,
            page=page,
            white=white,
            limit=limit,
        )
    if strips and not outcome.interrupted:
        inspect_strips(
            segmenter,
            strips,
            folder,
            settings,
            inspector,
            outcome,
            stored=StoredRows(width, rows, dtype, channels, page, white),
            skip_background=skip_background,
            resume=resume,
            overwrite=overwrite,
        )
    outcome.failures[:0] = [(problem.where or "input", problem) for problem in found.problems]
    outcome.notes[:0] = [*found.notes, *idle]
    report_file = None
    if report and not outcome.interrupted:
        report_file = make_report(folder, segmenter, settings.to_json(), page=page, white=white)
    shown = folder.shown
    counts, whole = summary(outcome, time.perf_counter() - started), tally(shown)
    outcomes = count_outcomes(shown)
    code = (
        130 if outcome.interrupted else exit_code(outcomes, failed=bool(outcome.failures or folder.failures))
    )
    failed_earlier = folder.failures.besides(source for source, _ in outcome.failures)
    payload = {
        **counts,
        **whole,
        "verdicts": outcomes if rules is not None else None,
        "exit_code": code,
        "already_done": before,
        "failed_earlier": failed_earlier,
        "weights": segmenter.name,
        "settings": {**settings.to_json(), "skip_background": skip_background},
        **{name.removeprefix("--"): value for name, value in inspector.made_with().items()},
        "out": out,
        "report": report_file,
        "results": [without_masks(record) for record in shown],
    }
    _tell(shown, outcomes, whole, outcome, before, failed_earlier, out, report_file, json_file)
    emit_json("inspect", 1, payload, json_file)
    return code


def _tell(
    records: list[dict[str, Any]],
    outcomes: dict[str, int],
    whole: dict[str, Any],
    outcome: Outcome,
    before: int,
    failed_earlier: int,
    out: Path,
    report_file: Path | None,
    json_file: str | None,
) -> None:
    """A line for each image or strip that is not accepted, or of which a part was skipped, and the summary."""
    from flawscope.inspect.counted import counted, skipped_in_words

    screen = console(json_file)
    for record in records:
        if record.get("verdict", {"outcome": "accept"})["outcome"] != "accept":
            screen.print(verdict_line(record), markup=False)
    for record in records:
        if record.get("background") is not None:
            screen.print(f"{record['source']}: {skipped_in_words(record['background'])}", markup=False)
    line = counted(records) if records else "nothing finished"
    if before:
        line += f", {before} of them earlier"
    if records:
        line += f": {outcomes_in_words(outcomes) if outcomes else in_words(whole)}"
    in_part = sum("in_part" in record for record in records)
    if in_part:
        line += f"; {in_part} inspected in part"
    failed = len(outcome.failures) + failed_earlier - in_part
    if failed:
        line += f"; {failed} failed"
    screen.print(line, markup=False)
    screen.print(f"Results: {out}", markup=False)
    if report_file is not None:
        screen.print(f"Report:  {report_file}", markup=False)
    if outcome.interrupted:
        typer.echo("interrupted; run the same command with --resume to go on", err=True)
