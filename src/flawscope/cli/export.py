"""The verb ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("export")(export)


def export(
    weights: Annotated[str, typer.Option(help="A run folder or a .safetensors file.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The .onnx file to write.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Folder of images for the parity check. Default: drawn images.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images to compare on.")] = 16,
    half: Annotated[bool, typer.Option(help="Store the weights as 16-bit floats.")] = True,
    json_file: JsonOption = None,
) -> None:
    """Write weights as one ONNX file that runs without torch, and prove that it says the same.

    Nothing is written when fewer than 99.9 % of the pixels keep their label.
    """
    from flawscope.errors import MissingExtraError, UsageError

    if out.suffix.lower() != ".onnx":
        raise UsageError("the file to write must end in .onnx", where=out, remedy="Give --out FILE.onnx")
    try:
        import onnx
        import onnxscript
        import torch
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "train") from error
    del onnx, onnxscript, torch
    from flawscope.export.command import export_checked

    written = export_checked(weights, out, data=data, images=images, half=half)
    emit_json("export", 1, written.to_json(), json_file)
    screen, agreement = console(json_file), written.parity
    screen.print(
        f"{agreement.equal_labels:.4%} of {agreement.pixels:,} pixels in {agreement.images} images keep their label; "
        f"largest difference of a probability {agreement.max_difference:.2g}",
        markup=False,
    )
    screen.print(f"{out}  {written.size / 2**20:.2f} MiB", markup=False)
