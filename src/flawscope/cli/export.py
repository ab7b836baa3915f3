"""The verb ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.opening import enhancer_folder
from flawscope.cli.output import JsonOption, console, emit_json

if TYPE_CHECKING:
    from flawscope.cli.export_enhancer import ExportedEnhancer
    from flawscope.export.command import Exported


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("export")(export)


def export(
    weights: Annotated[
        str,
        typer.Option(
            help="A run folder, a .safetensors file, or what 'fewshot learn' left.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The .onnx file to write; for an enhancer a new folder.", show_default=False)
    ],
    data: Annotated[
        Path | None, typer.Option(help="Folder of images for the parity check. Default: drawn images.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images to compare on.")] = 16,
    half: Annotated[bool, typer.Option(help="Store a network's weights as 16-bit floats.")] = True,
    json_file: JsonOption = None,
) -> None:
    """Write weights as one ONNX file, or an enhancer as one folder, that runs without torch.

    And prove that it says the same: nothing is written when fewer than 99.9 % of the pixels keep their label.
    """
    from flawscope.errors import UsageError

    enhancer = enhancer_folder(weights)
    written: Exported | ExportedEnhancer
    if enhancer is not None:
        from flawscope.cli.export_enhancer import export_enhancer

        written = export_enhancer(enhancer, out, data=data, images=images, half=half)
    elif out.suffix.lower() != ".onnx":
        raise UsageError("the file to write must end in .onnx", where=out, remedy="Give --out FILE.onnx")
    else:
        from flawscope.export.command import export_checked

        written = export_checked(weights, out, data=data, images=images, half=half)
    emit_json("export", 1, written.to_json(), json_file)
    screen, agreement = console(json_file), written.parity
    screen.print(
        f"{agreement.equal_labels:.4%} of {agreement.pixels:,} pixels in {agreement.images} images keep their label; "
        f"largest difference of a probability {agreement.max_difference:.2g}",
        markup=False,
    )
    kibibytes = written.size / 1024
    size = f"{kibibytes / 1024:.2f} MiB" if kibibytes >= 1024 else f"{kibibytes:.0f} KiB"
    screen.print(f"{out}  {size}", markup=False)
