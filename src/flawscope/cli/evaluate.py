"""The verb ``evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flawscope.cli.choosing import tested_part
from flawscope.cli.data_options import LayoutOption, SplitsOption, TestSplitOption
from flawscope.cli.opening import SEGMENTER_HELP, open_unprompted
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar

if TYPE_CHECKING:
    from flawscope.data.samples import SegmentationData
    from flawscope.evaluate import MapFolder
    from flawscope.evaluate.maps import MapValues
    from flawscope.segment import Segmenter


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("evaluate")(evaluate_command)


def evaluate_command(
    weights: Annotated[str | None, typer.Option("--weights", "--segmenter", help=SEGMENTER_HELP)] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of weights: somebody's maps, paired by name.")
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="DIR|YAML", help="A dataset with masks.")] = None,
    masks: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of a dataset: a folder of true masks.")
    ] = None,
    splits: SplitsOption = None,
    split: TestSplitOption = None,
    layout: LayoutOption = "auto",
    protocol: Annotated[
        Literal["standard", "ocinet"], typer.Option(help="'ocinet' makes figures as the paper's were made.")
    ] = "standard",
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the headline figures.")] = 0.5,
    calibrated: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="The threshold beside it. Default: the one in the weights."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Find the threshold beside it on the validation split.")
    ] = False,
    normalise: Annotated[
        bool,
        typer.Option(help="Stretch each soft map to 0..1 before MAE, wF, S, E, F, as PySODMetrics does."),
    ] = False,
    map_values: Annotated[
        Literal["grey", "binary", "classes"],
        typer.Option(help="Of --predictions: probability in grey, 0 or not, or class numbers."),
    ] = "grey",
    tolerance: Annotated[float, typer.Option(min=0.0, help="Pixels, for boundaries.")] = 2.0,
    min_overlap: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of a defect to cover so that it counts as found.")
    ] = 0.1,
    min_reject_area: Annotated[
        int, typer.Option(min=1, help="Answered pixels from which on an image is rejected.")
    ] = 1,
    jpeg: Annotated[bool, typer.Option(help="Protocol ocinet: save maps as JPEG first.")] = True,
    jpeg_quality: Annotated[int, typer.Option(min=1, max=100, help="Protocol ocinet.")] = 95,
    truncate: Annotated[bool, typer.Option(help="Protocol ocinet: only pixels of exactly 255 count.")] = True,
    label_jpeg_quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Protocol ocinet: labels go through this JPEG too. Default: as stored."
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bootstrap; 0 for no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for evaluation.json, per_image.csv, curves and overlays.")
    ] = None,
    overlays: Annotated[int, typer.Option(min=0, help="How many images to draw into --out.")] = 12,
    overlay_choice: Annotated[
        Literal["worst", "spread"], typer.Option(help="The worst by IoU, or evenly spread.")
    ] = "worst",
    overlay_ground: Annotated[
        Literal["black", "image"], typer.Option(help="Draw on black as in the paper, or on the image.")
    ] = "black",
    every: Annotated[
        bool, typer.Option("--all", help="Print every figure; JSON and --out always hold them all.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> int:
    """Measure weights, or somebody's maps, against true masks.

    Give --weights or --predictions, and --data or --masks. An image that cannot be used is reported on one line and
    the rest goes on. Exit code: 0 figures were made (failures are counted in them), 2 nothing could be evaluated
    or the arguments do not fit together, 130 interrupted; what was measured by then is still reported.
    """
    from flawscope.cli.evaluate_table import print_evaluation
    from flawscope.errors import UsageError
    from flawscope.evaluate import Overlays, Settings, evaluate, write_evaluation
    from flawscope.metrics import Published
    from flawscope.outputs import check_writable

    chosen, everything = _open_data(data, masks, splits, split, layout)
    if protocol == "ocinet" and (calibrate or calibrated is not None):
        raise UsageError("protocol ocinet has no threshold to calibrate: Otsu chooses", where="--calibrate")
    source = _open_source(weights, predictions, map_values, device)
    screen = console(json_file)
    if out is not None:
        check_writable(out, folder=True)
    if calibrate:
        calibrated = _calibrate(source, everything)
    settings = Settings(
        protocol=protocol,
        threshold=threshold,
        calibrated=calibrated,
        normalise=normalise,
        tolerance=tolerance,
        min_overlap=min_overlap,
        min_reject_area=min_reject_area,
        published=Published(jpeg, jpeg_quality, truncate, label_jpeg_quality),
        resamples=resamples,
        seed=seed,
    )
    drawn = None
    if out is not None and overlays:
        drawn = Overlays(out / "overlays", overlays, len(chosen.labelled()), overlay_choice, overlay_ground)
    with progress_bar() as bar:
        task = bar.add_task("Evaluating", total=len(chosen))
        evaluation = evaluate(
            source,
            chosen,
            settings,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            watch=None if drawn is None else drawn.watch,
        )
    for failure in evaluation.failures:
        print(f"error: {failure}", file=sys.stderr)
    print_evaluation(screen, evaluation, every=every)
    emit_json("evaluation", 1, evaluation.to_json(), json_file)
    if out is not None:
        write_evaluation(evaluation, out)
        if drawn is not None:
            drawn.write()
        screen.print(f"\nwritten to {out}")
    return 130 if evaluation.interrupted else 0


def _open_data(
    data: str | None, masks: Path | None, splits: Path | None, split: str | None, layout: str
) -> tuple[SegmentationData, SegmentationData]:
    """The images to evaluate, and the whole dataset they come from."""
    from flawscope.data.samples import open_data
    from flawscope.errors import UsageError
    from flawscope.evaluate import masks_as_data

    if (data is None) == (masks is None):
        raise UsageError("give either --data or --masks", remedy="See flawscope evaluate --help")
    if masks is not None:
        if splits is not None or split is not None:
            raise UsageError(
                "a folder of masks has no splits", where="--split", remedy="Give --data instead of --masks"
            )
        everything = masks_as_data(masks)
        return everything, everything
    assert data is not None
    everything = open_data(data, layout=layout, splits=splits)
    return tested_part(everything, split), everything


def _open_source(
    weights: str | None, predictions: Path | None, map_values: MapValues, device: str
) -> Segmenter | MapFolder:
    from flawscope.errors import UsageError
    from flawscope.evaluate import open_maps

    if (weights is None) == (predictions is None):
        raise UsageError("give either --weights or --predictions", remedy="See flawscope evaluate --help")
    if predictions is not None:
        return open_maps(predictions, map_values)
    return open_unprompted(weights, device=device)


def _calibrate(source: Segmenter | MapFolder, everything: SegmentationData) -> float:
    from flawscope.errors import UsageError
    from flawscope.evaluate import calibrate

    name = next((name for name in ("val", "validation") if name in everything.splits), None)
    if name is None:
        raise UsageError(
            "there is no validation split to calibrate on", where="--calibrate", remedy="Give --splits"
        )
    with progress_bar() as bar:
        task = bar.add_task("Calibrating", total=None)
        return calibrate(
            source,
            everything.split(name),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
