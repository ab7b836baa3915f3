"""The verb ``benchmark``: how fast weights are here, and where the time goes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flawscope.cli.image_options import DeviceOption, ThreadsOption
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from flawscope.segment.loading import LoadedSegmenter
    from flawscope.speed import FolderRate, Timing


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("benchmark")(benchmark)


def benchmark(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGES]...", help="Images to time the whole of 'predict' on as well."),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", "-w", help="Shipped name, file or run folder; repeat it to compare."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 30,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    json_file: JsonOption = None,
) -> None:
    """Time networks in turns, each on one image at its own input size; medians, and ratios to the first.

    A network that answers several images at once, as 'predict' asks it to, is timed so as well. With images also each
    stage of an image, and the rate at which 'predict' gets through them all. Where OpenVINO is installed also the
    floor: the network's multiply-adds at the rate of one large layer.
    """
    from flawscope.machine import describe_machine
    from flawscope.segment import load
    from flawscope.speed import alternate, asking, enough, folder_rate, stage_times

    names = _titles(weights or ["ocinet-tiny"])
    pictures = _pictures(sources) if sources else []
    loaded = {title: load(name, device=device, threads=threads) for title, name in names.items()}
    folders = {
        title: load(names[title], device=device, threads=threads, throughput=True)
        if segmenter.path.suffix.lower() == ".xml"
        else segmenter
        for title, segmenter in loaded.items()
    }
    out = console(json_file)
    actions = {title: asking(segmenter) for title, segmenter in loaded.items()}
    several = {
        (title, "several"): asking(segmenter, enough(segmenter))
        for title, segmenter in folders.items()
        if segmenter.at_once > 1
    }
    with progress_bar() as bar:
        task = bar.add_task("Timing", total=repeats)
        timed = alternate({**actions, **several}, repeats, on_turn=lambda: bar.advance(task))
    timings = {title: timed[title] for title in loaded}
    rates = {
        title: enough(folders[title]) / timed[title, "several"].median
        if (title, "several") in timed
        else 1 / timings[title].median
        for title in loaded
    }
    floors = {name: _floor(segmenter, threads) for name, segmenter in loaded.items()}
    out.print(_network_table(loaded, timings, rates, floors))
    wholes = {}
    if pictures:
        for name, segmenter in loaded.items():
            with tempfile.TemporaryDirectory() as scratch:
                stages = stage_times(segmenter, pictures[0], Path(scratch), repeats)
            wholes[name] = stages, folder_rate(folders[name], [str(file) for file in pictures])
            out.print(_stage_table(name, stages))
            _print_rate(out, wholes[name][1], rates[name])
    networks = {
        name: {
            "weights": segmenter.path,
            "model": segmenter.header.model,
            "imgsz": list(segmenter.header.imgsz),
            "precision": segmenter.header.precision,
            "engine": type(segmenter.engine).__name__,
            "network": timings[name].to_json(),
            "images_at_once": folders[name].at_once,
            "images_per_second": round(rates[name], 2),
            "times_as_fast_as_first": round(_first(timings).median / timings[name].median, 3),
            "floor": floors[name],
            **_whole_json(wholes.get(name), rates[name]),
        }
        for name, segmenter in loaded.items()
    }
    payload = {"machine": describe_machine(), "threads": threads, "networks": networks}
    emit_json("benchmark", 1, payload, json_file)


def _titles(names: list[str]) -> dict[str, str]:
    """What to call weights, each its own: the file's name, or all that was typed where two have the same."""
    short = [Path(name).name if Path(name).suffix else name for name in names]
    return {
        title if short.count(title) == 1 else name: name for title, name in zip(short, names, strict=True)
    }


def _floor(segmenter: LoadedSegmenter, threads: int | None) -> dict[str, Any] | None:
    """Multiply-adds, the cores' rate, and the time that follows; None where one of them is not known."""
    from flawscope.errors import MissingExtraError
    from flawscope.speed import peak
    from flawscope.speed.floor import multiply_adds

    operations = multiply_adds(segmenter.header)
    if operations is None:
        return None
    try:
        rate = peak(segmenter.header.precision, threads)
    except MissingExtraError:
        return None
    return {
        "multiply_adds": operations,
        "peak_per_second": round(rate),
        "ms": round(1e3 * operations / rate, 3),
    }


def _pictures(sources: list[str]) -> list[Path]:
    from flawscope.errors import UsageError
    from flawscope.inspect import find_sources
    from flawscope.inspect.sources import is_video

    found = find_sources(sources)
    for problem in found.problems:
        raise problem
    pictures = [path for path, _ in found.files if not is_video(path)]
    if not pictures:
        raise UsageError("only videos", where=", ".join(sources), remedy="Give images")
    return pictures


def _first(timings: Mapping[str, Timing]) -> Timing:
    return next(iter(timings.values()))


def _network_table(
    loaded: Mapping[str, LoadedSegmenter],
    timings: Mapping[str, Timing],
    rates: Mapping[str, float],
    floors: Mapping[str, dict[str, Any] | None],
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("network", no_wrap=True)
    for heading in ("input", "in", "ms", "10-90 %", "a second", "ratio", "floor ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, segmenter in loaded.items():
        timing, floor, header = timings[name], floors[name], segmenter.header
        table.add_row(
            name,
            f"{header.imgsz[0]}x{header.imgsz[1]}",
            header.precision,
            f"{1e3 * timing.median:.1f}",
            f"{1e3 * timing.low:.1f}-{1e3 * timing.high:.1f}",
            f"{rates[name]:.1f}",
            f"{_first(timings).median / timing.median:.2f}",
            "-" if floor is None else f"{floor['ms']:.1f}",
        )
    return table


def _stage_table(name: str, stages: Mapping[str, Timing]) -> Table:
    total = sum(timing.median for timing in stages.values())
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"One image, {name}")
    table.add_column("stage", no_wrap=True)
    table.add_column("median ms", justify="right")
    table.add_column("share", justify="right")
    for stage, timing in stages.items():
        table.add_row(stage, f"{1e3 * timing.median:.2f}", f"{timing.median / total:.0%}")
    return table


def _print_rate(out: Console, rate: FolderRate, alone: float) -> None:
    out.print(
        f"predict: {rate.images} images in {rate.seconds:.1f} s, {rate.per_second:.1f} a second, "
        f"{rate.per_second / alone:.0%} of the network's own rate",
        markup=False,
    )


def _whole_json(whole: tuple[dict[str, Timing], FolderRate] | None, alone: float) -> dict[str, Any]:
    if whole is None:
        return {}
    stages, rate = whole
    return {
        "stages": {stage: timing.to_json() for stage, timing in stages.items()},
        "predict": {**rate.to_json(), "share_of_network_rate": round(rate.per_second / alone, 3)},
    }
