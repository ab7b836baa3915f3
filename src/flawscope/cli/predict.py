"""The verb ``predict``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flawscope.cli.image_options import (
    AllowReductionOption,
    Binarize,
    BinarizeOption,
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
    Sources,
    ThreadsOption,
    ThresholdOption,
    WeightsOption,
    WhiteOption,
)
from flawscope.cli.opening import open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.cli.tiling import OverlapOption, TileOption, tiles_of

if TYPE_CHECKING:
    from flawscope.errors import FlawscopeError
    from flawscope.inspect import Found, Outcome, ResultFolder, Settings
    from flawscope.inspect.inspector import Inspector
    from flawscope.segment import Segmenter, Tiled


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("predict")(predict)


def predict(
    sources: Sources,
    weights: WeightsOption = "ocinet-tiny",
    out: OutOption = Path("predictions"),
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
    """Find defects in images: masks, overlays, results.jsonl, results.csv and coco.json.

    An image that cannot be read is reported on one line and the rest goes on. Exit code: 0 all done, 2 some
    input failed or the command could not go on, 130 interrupted (go on with --resume).
    """
    from flawscope.inspect import Wanted, open_results, summary, tally

    found = find_images(sources, out, resume=resume, overwrite=overwrite)
    if not found.files:
        return 2
    screen = console(json_file)
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
    folder = open_results(
        out,
        Wanted(masks, overlays, probabilities),
        resume=resume,
        overwrite=overwrite,
        made_with={"command": "predict", **made_with},
    )
    before = len(folder.records)
    keep_problems(folder, found)
    started = time.perf_counter()
    outcome = run_batch(segmenter, found, folder, settings, every=every, page=page, white=white, limit=limit)
    outcome.failures[:0] = [(problem.where or "input", problem) for problem in found.problems]
    outcome.notes[:0] = found.notes
    report_file = None
    if report and not outcome.interrupted:
        report_file = make_report(folder, segmenter, settings.to_json(), page=page, white=white)
    counts, whole = summary(outcome, time.perf_counter() - started), tally(folder.records)
    failed_earlier = folder.failures.besides(source for source, _ in outcome.failures)
    _print_summary(screen, counts, whole, out, before, failed_earlier, report_file)
    payload = {
        **counts,
        **whole,
        "already_done": before,
        "failed_earlier": failed_earlier,
        "weights": segmenter.name,
        "settings": settings.to_json(),
        "out": out,
        "report": report_file,
        "results": [without_masks(record) for record in folder.records],
    }
    emit_json("predict", 1, payload, json_file)
    if outcome.interrupted:
        return 130
    return 2 if outcome.failures or folder.failures else 0


def find_images(sources: list[str], out: Path, *, resume: bool, overwrite: bool) -> Found:
    """The files that the arguments mean; what gives none, and what is left out, is told.

    Raises:
        UsageError: --resume and --overwrite together, or results among the sources.
    """
    from flawscope.errors import UsageError
    from flawscope.inspect import find_sources

    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other", remedy="Give one of them")
    found = find_sources(sources, outside=out)
    for problem in found.problems:
        report_failure(problem)
    for note in found.notes:
        print_note(note)
    return found


def keep_problems(folder: ResultFolder, found: Found) -> None:
    """Keep with the results that arguments gave nothing."""
    for problem in found.problems:
        folder.failures.add(problem.where or "input", problem, argument=True)


def prepare(
    weights: str,
    threshold: float | None,
    binarize: Binarize,
    min_area: int,
    tile: str | None,
    overlap: int | None,
    page: int | None,
    white: int | None,
    *,
    allow_reduction: bool,
    device: str,
    threads: int | None,
    throughput: bool = True,
) -> tuple[Segmenter, Settings, dict[str, Any]]:
    """What segments the images, how, and what all results share, under the names of the options.

    Raises:
        FlawscopeError: the segmenter cannot be had, or the options do not fit.
    """
    from flawscope.inspect import Settings

    segmenter = open_unprompted(weights, device=device, threads=threads, throughput=throughput)
    tiles = tiles_of(segmenter, tile, overlap)
    settings = Settings(threshold, binarize, min_area, allow_reduction)
    return tiles or segmenter, settings, _made_with(segmenter, tiles, settings, page, white)


def quieten_decoders() -> None:
    """Decoders warn about oddities that do not matter; what matters raises."""
    import warnings

    warnings.filterwarnings("ignore", module=r"PIL\..*")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def run_batch(
    segmenter: Segmenter,
    found: Found,
    folder: ResultFolder,
    settings: Settings,
    *,
    inspector: Inspector | None = None,
    every: int = 1,
    page: int | None = None,
    white: int | None = None,
    limit: int | None = None,
) -> Outcome:
    """Inspect what was found, with a progress bar on standard error."""
    import itertools

    from flawscope.inspect import Reductions, ToneNotes, inspect_all, items
    from flawscope.inspect.sources import count_frames, is_video

    quieten_decoders()
    done = folder.done
    total = sum(
        count_frames(path, every) if is_video(path) else path.as_posix() not in done
        for path, _ in found.files
    )
    tones, reductions = ToneNotes(), Reductions()
    stream = itertools.islice(
        items(found.files, every=every, page=page, white=white, done=done, on_tones=tones.add), limit
    )

    def failed(source: str, error: FlawscopeError) -> None:
        report_failure(error)
        folder.failures.add(source, error)

    with progress_bar() as bar:
        task = bar.add_task("Inspecting", total=total if limit is None else min(total, limit))
        outcome = inspect_all(
            segmenter,
            stream,
            folder,
            settings,
            inspector=inspector,
            on_done=lambda: bar.advance(task),
            on_written=reductions.add,
            on_failure=failed,
        )
    if limit is None and not outcome.interrupted:
        failed_now = {source for source, _ in outcome.failures}
        for path, _ in found.files:
            if is_video(path) and path.as_posix() not in failed_now:
                folder.failures.drop(path.as_posix())
        folder.failures.write()
    outcome.notes.extend([*tones.lines(), *reductions.lines()])
    for note in outcome.notes:
        print_note(note)
    return outcome


def make_report(
    folder: ResultFolder,
    segmenter: Any,
    settings: dict[str, Any],
    *,
    title: str = "Surface inspection",
    page: int | None = None,
    white: int | None = None,
) -> Path:
    """Write ``report.html`` for everything in the folder."""
    from flawscope.inspect import write_report
    from flawscope.inspect.folder import REPORT
    from flawscope.segment import describe

    return write_report(
        folder.root / REPORT,
        folder.shown,
        describe(segmenter),
        weights=segmenter.name,
        settings=settings,
        failures=folder.failures.lines,
        title=title,
        page=page,
        white=white,
    )


def print_note(note: str) -> None:
    """One line on standard error."""
    print(f"note: {note}", file=sys.stderr, flush=True)


def report_failure(error: FlawscopeError) -> None:
    """One line on standard error."""
    print(f"error: {error}", file=sys.stderr, flush=True)


def _made_with(
    segmenter: Any, tiles: Tiled | None, settings: Any, page: int | None, white: int | None
) -> dict[str, Any]:
    """What all results of a folder share, under the names of the options."""
    from flawscope.segment.description import made_with

    otsu = settings.method == "otsu"
    level = segmenter.threshold if settings.threshold is None else settings.threshold
    return {
        "--weights": made_with(segmenter),
        "--binarize": settings.method,
        "--threshold": None if otsu else level,
        "--min-area": settings.min_area,
        "--tile": tiles and list(tiles.tile),
        "--overlap": tiles and tiles.overlap,
        "--allow-reduction": settings.allow_reduction or None,
        "--page": page,
        "--white": white,
    }


def in_words(counts: dict[str, Any]) -> str:
    """Such as ``2 with defects (3 defects: 1 crack, 2 pit), 1 clean``."""
    from flawscope.inspect.counted import number_of

    defects, clean = counts["defects"], counts["clean"]
    total = sum(defects.values())
    if not total:
        return f"none with defects, {clean} clean"
    by_label = ", ".join(f"{count} {label}" for label, count in sorted(defects.items()))
    kinds = "" if set(defects) == {"defect"} else f": {by_label}"
    return f"{counts['images'] - clean} with defects ({number_of(total, 'defect')}{kinds}), {clean} clean"


def _print_summary(
    screen: Any,
    counts: dict[str, Any],
    whole: dict[str, Any],
    out: Path,
    before: int,
    failed_earlier: int,
    report_file: Path | None,
) -> None:
    from flawscope.inspect.counted import number_of

    images = counts["images"]
    line = f"{number_of(images, 'image')} in {counts['seconds']:.1f} s"
    if images:
        line += f": {in_words(counts)}"
    if before:
        line += f"; {before} {'was' if before == 1 else 'were'} done before, together {in_words(whole)}"
    if counts["failed"]:
        line += f"; {counts['failed']} failed"
    if failed_earlier:
        line += f"; {failed_earlier} failed earlier and {'is' if failed_earlier == 1 else 'are'} still not inspected"
    screen.print(line, markup=False)
    screen.print(f"Results: {out}", markup=False)
    if report_file is not None:
        screen.print(f"Report:  {report_file}", markup=False)
    if counts["interrupted"]:
        print("interrupted; run the same command with --resume to go on", file=sys.stderr)


def without_masks(record: dict[str, Any]) -> dict[str, Any]:
    """A record for ``--json``."""
    defects = [
        {name: value for name, value in defect.items() if name != "segmentation"}
        for defect in record["defects"]
    ]
    return {**record, "defects": defects}
