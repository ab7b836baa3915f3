"""The verb ``predict``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.cli.tiling import OverlapOption, TileOption, tiles_of

if TYPE_CHECKING:
    from flawscope.errors import FlawscopeError
    from flawscope.inspect import Found, Outcome, ResultFolder
    from flawscope.segment import Tiled


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("predict")(predict)


def predict(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Files, folders, quoted globs, videos.", show_default=False),
    ],
    weights: Annotated[str, typer.Option("--weights", "--segmenter", help=SEGMENTER_HELP)] = "ocinet-tiny",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("predictions"),
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Probability of a defect. Default: calibrated, from the weights."
        ),
    ] = None,
    binarize: Annotated[
        Literal["threshold", "otsu"],
        typer.Option(help="'otsu' is the paper's way: it finds a defect in every image."),
    ] = "threshold",
    min_area: Annotated[int, typer.Option(min=1, help="Leave out regions of fewer pixels.")] = 1,
    masks: Annotated[bool, typer.Option(help="Write masks/*.png.")] = True,
    overlays: Annotated[bool, typer.Option(help="Write overlays/*.jpg.")] = True,
    probabilities: Annotated[bool, typer.Option(help="Write probabilities/*.png, 16-bit.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Also write report.html.")] = False,
    white: Annotated[
        int | None, typer.Option(min=1, help="Stored value that means white, such as 4095 for 12 bits.")
    ] = None,
    tile: TileOption = None,
    overlap: OverlapOption = None,
    page: Annotated[int | None, typer.Option(min=0, help="Page of multi-page files, from 0.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Of videos, take each n-th frame.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many images.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out; leave out what is done.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin again in --out.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. Default: all cores.")] = None,
    json_file: JsonOption = None,
) -> int:
    """Find defects in images: masks, overlays, results.jsonl, results.csv and coco.json.

    An image that cannot be read is reported on one line and the rest goes on. Exit code: 0 all done, 2 some
    input failed or the command could not go on, 130 interrupted (go on with --resume).
    """
    from flawscope.errors import UsageError
    from flawscope.inspect import Settings, Wanted, find_sources, open_results, summary, tally

    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other", remedy="Give one of them")
    screen = console(json_file)
    found = find_sources(sources, outside=out)
    for problem in found.problems:
        _report_failure(problem)
    if not found.files:
        return 2
    segmenter = open_unprompted(weights, device=device, threads=threads)
    tiles = tiles_of(segmenter, tile, overlap)
    settings = Settings(threshold=threshold, method=binarize, min_area=min_area)
    folder = open_results(
        out,
        Wanted(masks, overlays, probabilities),
        resume=resume,
        overwrite=overwrite,
        made_with=_made_with(segmenter, tiles, settings, page, white),
    )
    segmenter = tiles or segmenter
    before = len(folder.records)
    started = time.perf_counter()
    outcome = run_batch(segmenter, found, folder, settings, every=every, page=page, white=white, limit=limit)
    outcome.failures[:0] = [(problem.where or "input", problem) for problem in found.problems]
    report_file = None
    if report and not outcome.interrupted:
        report_file = make_report(folder, segmenter, settings.to_json(), outcome, page=page, white=white)
    counts, whole = summary(outcome, time.perf_counter() - started), tally(folder.records)
    _print_summary(screen, counts, whole, out, before, report_file)
    payload = {
        **counts,
        **whole,
        "already_done": before,
        "weights": segmenter.name,
        "settings": settings.to_json(),
        "out": out,
        "report": report_file,
        "results": [_without_masks(record) for record in folder.records],
    }
    emit_json("predict", 1, payload, json_file)
    if outcome.interrupted:
        return 130
    return 2 if outcome.failures else 0


def run_batch(
    segmenter: Any,
    found: Found,
    folder: ResultFolder,
    settings: Any,
    *,
    every: int = 1,
    page: int | None = None,
    white: int | None = None,
    limit: int | None = None,
) -> Outcome:
    """Inspect what was found, with a progress bar on standard error."""
    import itertools
    import warnings

    from flawscope.inspect import ToneNotes, inspect_all, items
    from flawscope.inspect.sources import count_frames, is_video

    # Decoders warn about oddities that do not matter; what matters raises.
    warnings.filterwarnings("ignore", module=r"PIL\..*")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    done = folder.done
    total = sum(
        count_frames(path, every) if is_video(path) else path.as_posix() not in done
        for path, _ in found.files
    )
    tones = ToneNotes()
    stream = itertools.islice(
        items(found.files, every=every, page=page, white=white, done=done, on_tones=tones.add), limit
    )
    with progress_bar() as bar:
        task = bar.add_task("Inspecting", total=total if limit is None else min(total, limit))
        outcome = inspect_all(
            segmenter,
            stream,
            folder,
            settings,
            on_done=lambda: bar.advance(task),
            on_failure=lambda _source, error: _report_failure(error),
        )
    outcome.notes.extend(tones.lines())
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr, flush=True)
    return outcome


def make_report(
    folder: ResultFolder,
    segmenter: Any,
    settings: dict[str, Any],
    outcome: Outcome,
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
        folder.records,
        describe(segmenter),
        weights=segmenter.name,
        settings=settings,
        failures=[str(error) for _, error in outcome.failures],
        title=title,
        page=page,
        white=white,
    )


def _report_failure(error: FlawscopeError) -> None:
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
        "--page": page,
        "--white": white,
    }


def _in_words(counts: dict[str, Any]) -> str:
    """Such as ``2 with defects (3 defects: 1 crack, 2 pit), 1 clean``."""
    defects, clean = counts["defects"], counts["clean"]
    total = sum(defects.values())
    if not total:
        return f"none with defects, {clean} clean"
    by_label = ", ".join(f"{count} {label}" for label, count in sorted(defects.items()))
    kinds = "" if set(defects) == {"defect"} else f": {by_label}"
    return (
        f"{counts['images'] - clean} with defects ({total} defect{'s' * (total != 1)}{kinds}), {clean} clean"
    )


def _print_summary(
    screen: Any,
    counts: dict[str, Any],
    whole: dict[str, Any],
    out: Path,
    before: int,
    report_file: Path | None,
) -> None:
    images = counts["images"]
    line = f"{images} image{'s' * (images != 1)} in {counts['seconds']:.1f} s"
    if images:
        line += f": {_in_words(counts)}"
    if before:
        line += f"; {before} {'was' if before == 1 else 'were'} done before, together {_in_words(whole)}"
    if counts["failed"]:
        line += f"; {counts['failed']} failed"
    screen.print(line, markup=False)
    screen.print(f"Results: {out}", markup=False)
    if report_file is not None:
        screen.print(f"Report:  {report_file}", markup=False)
    if counts["interrupted"]:
        print("interrupted; run the same command with --resume to go on", file=sys.stderr)


def _without_masks(record: dict[str, Any]) -> dict[str, Any]:
    defects = [
        {name: value for name, value in defect.items() if name != "segmentation"}
        for defect in record["defects"]
    ]
    return {**record, "defects": defects}
