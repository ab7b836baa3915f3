"""The verb ``watch``: inspect files as they arrive in a folder."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.image_options import (
    AllowReductionOption,
    BinarizeOption,
    CalibrationIdOption,
    CalibrationOption,
    DeviceOption,
    MasksOption,
    MinAreaOption,
    OutOption,
    OverlaysOption,
    OverwriteOption,
    PageOption,
    ProbabilitiesOption,
    RulesOption,
    ThreadsOption,
    ThresholdOption,
    WeightsOption,
    WhiteOption,
)
from flawscope.cli.judged import exit_code, open_calibration, open_inspector, outcomes_in_words, verdict_line
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.cli.predict import prepare, quieten_decoders, report_failure
from flawscope.cli.tiling import OverlapOption, TileOption

if TYPE_CHECKING:
    from flawscope.inspect.tables import Record
    from flawscope.inspect.watching import Watcher


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("watch")(watch)


def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where images arrive, also in folders below.")
    ],
    weights: WeightsOption = "ocinet-tiny",
    rules: RulesOption = None,
    calibration: CalibrationOption = None,
    calibration_id: CalibrationIdOption = None,
    out: OutOption = Path("watched"),
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks into the folder.")] = 1.0,
    settle: Annotated[
        float, typer.Option(min=0.0, help="Seconds for which a file must not change before it is read.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Inspect what is there, and end.")] = False,
    threshold: ThresholdOption = None,
    binarize: BinarizeOption = "threshold",
    min_area: MinAreaOption = 1,
    masks: MasksOption = True,
    overlays: OverlaysOption = True,
    probabilities: ProbabilitiesOption = False,
    white: WhiteOption = None,
    tile: TileOption = None,
    overlap: OverlapOption = None,
    allow_reduction: AllowReductionOption = False,
    page: PageOption = None,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    json_file: JsonOption = None,
) -> int:
    """Inspect files as they arrive in a folder, each content once.

    Ctrl-C ends it; started again, it goes on where it was, also after a crash. Exit code, about the files of
    this run: 0 all accepted, 1 some image is to be rejected or reviewed, 2 some file could not be used.
    """
    from flawscope.errors import UsageError
    from flawscope.inspect import Reductions, ToneNotes, Wanted
    from flawscope.inspect.alone import alone_in
    from flawscope.inspect.arrivals import Arrivals
    from flawscope.inspect.sources import check_apart
    from flawscope.inspect.watching import Told, Watcher

    if not folder.is_dir():
        raise UsageError("no such folder", where=folder, remedy="Make it, or check the path")
    check_apart(str(folder), out)
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
        throughput=False,
    )
    scale = open_calibration(calibration, calibration_id, segmenter)
    inspector = open_inspector(rules, scale, segmenter.labels)
    screen = console(json_file)
    tones, reductions = ToneNotes(), Reductions()

    def say(line: str) -> None:
        screen.print(f"{time.strftime('%H:%M:%S')} {line}", markup=False)

    def inspected(record: Record) -> None:
        reductions.add(record)
        say(verdict_line(record))

    told = Told(
        inspected=inspected,
        duplicate=lambda source, original: say(f"same as {original}: {source}"),
        failed=report_failure,
        tones=tones.add,
    )
    watcher = Watcher(
        segmenter, settings, inspector, Arrivals(folder, out, settle), told, page=page, white=white
    )
    quieten_decoders()
    with alone_in(out), _ended_by_sigterm():
        watcher.begin(
            out,
            Wanted(masks, overlays, probabilities),
            {"command": "watch", **made_with, **inspector.made_with()},
            overwrite=overwrite,
        )
        try:
            _watch(watcher, every, settle, once=once)
        except KeyboardInterrupt:
            watcher.stopped = True
        watcher.finish()
    for note in [*tones.lines(), *reductions.lines()]:
        print(f"note: {note}", file=sys.stderr)
    screen.print(_summary(watcher.outcomes, judged=rules is not None), markup=False)
    if once and watcher.arrivals.moving:
        screen.print(f"{watcher.arrivals.moving} still being written: left for the next time", markup=False)
    screen.print(f"Results: {out}", markup=False)
    code = exit_code(watcher.outcomes, failed=watcher.outcomes["failed"] > 0)
    emit_json("watch", 1, _report(watcher, code, out), json_file)
    return code


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """The signal with which services are stopped works as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(watcher: Watcher, every: float, settle: float, *, once: bool) -> None:
    if once and settle:
        watcher.look()
        time.sleep(settle)
    while True:
        watcher.look()
        if once or watcher.stopped:
            return
        time.sleep(every)


def _summary(outcomes: Mapping[str, int], *, judged: bool) -> str:
    from flawscope.inspect.counted import number_of

    count = outcomes["inspected"]
    line = f"{number_of(count, 'file')} inspected"
    if count:
        line += (
            f": {outcomes_in_words(outcomes)}"
            if judged
            else f": {count - outcomes['clean']} with defects, {outcomes['clean']} clean"
        )
    for word, said in (("duplicate", "duplicate"), ("failed", "not usable")):
        if outcomes[word]:
            line += f"; {outcomes[word]} {said}"
    return line


def _report(watcher: Watcher, code: int, out: Path) -> dict[str, Any]:
    names = ("inspected", "clean", "duplicate", "failed", "accept", "review", "reject")
    return {
        **{name: watcher.outcomes[name] for name in names},
        "moving": watcher.arrivals.moving,
        "exit_code": code,
        "weights": watcher.segmenter.name,
        "out": out,
    }
