"""The verb ``demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for images and results; made new each time.")] = Path(
        "demo"
    ),
    images: Annotated[int, typer.Option(min=1, max=200, help="How many images to draw.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of the first image.")] = 0,
    weights: Annotated[str, typer.Option(help="A shipped name or a weights file.")] = "ocinet-tiny",
    json_file: JsonOption = None,
) -> int:
    """Draw images of surfaces with defects, find the defects, and write masks, overlays, tables and a page.

    Needs nothing but the base install and no network. The last line is the page to open.
    """
    from rich.table import Table

    from flawscope.cli.drawing import draw_images
    from flawscope.cli.predict import make_report, run_batch
    from flawscope.inspect import Settings, Wanted, find_sources, open_results, summary
    from flawscope.segment import load

    screen = console(json_file)
    started = time.perf_counter()
    segmenter = load(weights, device="cpu")
    _check_own(out)
    folder = open_results(out, Wanted(), overwrite=True)
    drawn = draw_images(out / "images", images, seed)
    settings = Settings()
    outcome = run_batch(segmenter, find_sources([str(out / "images")]), folder, settings)
    report_file = make_report(folder, segmenter, settings.to_json(), title="Flawscope demo")
    counts = summary(outcome, time.perf_counter() - started)

    table = Table(
        "image", "drawn defects", "found", "largest (px)", "overlap (IoU)", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    overlaps = drawn.overlaps(folder)
    for record in folder.records:
        name = Path(record["source"]).name
        areas = [defect["area_px"] for defect in record["defects"]]
        overlap = overlaps[name]
        table.add_row(
            name,
            str(drawn.defects[name]),
            str(len(areas)),
            f"{max(areas):,}" if areas else "",
            "" if overlap is None else f"{overlap:.2f}",
        )
    screen.print(table)
    screen.print("The images are drawn, not photographed: this shows the machinery, not its accuracy.")
    screen.print(f"Masks, overlays, results.jsonl, results.csv, coco.json: {out}", markup=False)
    screen.print(f"{counts['images']} images in {counts['seconds']:.1f} s. Open this page:", markup=False)
    emit_json(
        "demo",
        1,
        {**counts, "weights": segmenter.name, "overlap_iou": overlaps, "report": report_file},
        json_file,
    )
    screen.print(str(report_file.resolve()), markup=False)
    if outcome.interrupted:
        return 130
    return 2 if outcome.failures else 0


def _check_own(out: Path) -> None:
    """Raise UsageError for a folder with anything in it that is not an earlier demo."""
    from flawscope.errors import UsageError
    from flawscope.inspect import read_results
    from flawscope.inspect.folder import RESULTS

    if not out.is_dir() or not any(out.iterdir()):
        return
    listed, images = out / RESULTS, out / "images"
    drawn = images.is_dir() and all(entry.match("drawn_*.png") for entry in images.iterdir())
    if not (
        drawn
        and listed.is_file()
        and all(Path(record["source"]).match("images/drawn_*.png") for record in read_results(listed))
    ):
        raise UsageError(
            "the folder is not empty, and not an earlier demo",
            where=f"--out {out}",
            remedy="Choose a new folder, so that nothing of yours is overwritten",
        )
