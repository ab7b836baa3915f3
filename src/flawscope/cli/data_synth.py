"""The verb ``data synth``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.lists import listed
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.errors import UsageError


def register(data_app: typer.Typer) -> None:
    """Add the verb to ``flawscope data``."""
    data_app.command("synth")(synth)


def synth(
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    count: Annotated[int, typer.Option(help="How many images.", min=1)] = 100,
    size: Annotated[
        str, typer.Option(metavar="HEIGHTxWIDTH", help="Of each image in pixels, the height first.")
    ] = "256x256",
    seed: Annotated[int, typer.Option(help="Everything random follows from it.", min=0)] = 0,
    surface: Annotated[str, typer.Option(help="steel, rail, tile, or any of them.")] = "any",
    kinds: Annotated[
        str | None, typer.Option(help="Kinds of defect, with commas between them. Default: all six.")
    ] = None,
    clean: Annotated[float, typer.Option(help="Share of images without defect.", min=0, max=1)] = 0.2,
    splits: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.8,0.1,0.1",
    json_target: JsonOption = None,
) -> None:
    """Draw surfaces with scratches, pits, patches, inclusions, cracks and blowholes, and their exact masks.

    Writes images/, masks/ (class numbers), splits.json and dataset.yaml: a dataset for every other command. The
    same seed gives the same pixels.
    """
    from flawscope.data.synthetic import KINDS, write_dataset
    from flawscope.inspect.counted import number_of

    height, width = _size(size)
    chosen = KINDS if kinds is None else tuple(listed(kinds))
    with progress_bar() as bar:
        task = bar.add_task("Drawing", total=count)
        data = write_dataset(
            out,
            count,
            height,
            width,
            seed=seed,
            surface=surface,
            kinds=chosen,
            clean_probability=clean,
            fractions=_shares(splits),
            advance=lambda: bar.advance(task),
        )
    parts = {split: len(data.split(split)) for split in data.splits}
    told = ", ".join(f"{split} {number}" for split, number in parts.items())
    say = console(json_target)
    many = number_of(len(data), "image")
    say.print(f"{many}, {height} pixels high and {width} wide, in {out} ({told})", markup=False)
    say.print(f"next: flawscope train --data {out}", markup=False)
    payload = {"folder": out, "images": len(data), "labels": list(data.labels), "splits": parts, "seed": seed}
    emit_json("data-synth", 1, payload, json_target)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:[xX](\d+))?", text.strip())
    if found is None:
        raise UsageError(
            "not a size",
            where=f"--size {text}",
            remedy="Give HEIGHTxWIDTH, such as 200x300 for 200 high and 300 wide",
        )
    return int(found[1]), int(found[2] or found[1])


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError("not numbers", where=f"--splits {text}", remedy="Try 0.8,0.1,0.1") from error
