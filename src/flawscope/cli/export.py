"""The verb ``export``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
            help="A shipped name, a run folder, a .safetensors file, or what 'fewshot learn' left.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The .onnx or .xml file to write; for an enhancer a new folder.", show_default=False
        ),
    ],
    form: Annotated[
        Literal["onnx", "openvino"] | None,
        typer.Option("--format", help="Default: by the suffix of --out. OpenVINO writes .xml and .bin."),
    ] = None,
    precision: Annotated[
        Literal["fp32", "bf16", "int8"],
        typer.Option(help="What the network computes in; bf16 and int8 with OpenVINO."),
    ] = "fp32",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images to compare on and to calibrate int8 on: a folder or a dataset, best with masks. "
            "Default: drawn images."
        ),
    ] = None,
    splits: Annotated[Path | None, typer.Option(metavar="FILE", help="A split file of --data.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Which part of it, such as val. Default: every image.")
    ] = None,
    int8_split: Annotated[
        str | None,
        typer.Option(help="Which part calibrates int8, such as train. Default: others of --split."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images to compare on.")] = 16,
    imgsz: Annotated[
        str | None, typer.Option(metavar="H,W", help="Input size, pixels. Default: as trained.")
    ] = None,
    free_size: Annotated[
        bool, typer.Option("--free-size", help="The graph takes any size in multiples of 32.")
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Layers that int8 keeps as they are, such as 'reasoner/*'; may be repeated."),
    ] = None,
    pixel_size: Annotated[
        str | None, typer.Option("--mm-per-px", metavar="X,Y", help="Size of a pixel, kept in the file.")
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="ID", help="The calibration that --mm-per-px comes from.")
    ] = None,
    half: Annotated[
        bool | None,
        typer.Option(
            "--half/--no-half",
            help="Store a network's weights as 16-bit floats. Default: as the trained weights are stored.",
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Write weights as an ONNX file or OpenVINO pair, or an enhancer as one folder, that runs without torch.

    And prove that it says the same. Nothing is written when fewer than 99.9 % of the pixels keep their label in
    fp32, or of the decided pixels fewer than 99.5 % in bf16 or 99 % in int8; or when on images whose masks hold a
    defect the IoU falls by more than 0.2 points, in int8 0.5.
    """
    from flawscope.segment.loading import find_weights

    screen = console(json_file)
    enhancer = enhancer_folder(weights)
    written: Exported | ExportedEnhancer
    if enhancer is not None:
        from flawscope.cli.export_enhancer import export_enhancer

        _refuse_for_enhancer(form, precision, imgsz, free_size, keep, pixel_size, splits, split, int8_split)
        written = export_enhancer(enhancer, out, data=data, images=images, half=half)
    else:
        from flawscope.errors import UsageError
        from flawscope.export.request import Data, Wanted

        find_weights(weights)  # a mistake there is told before one in --out
        from flawscope.export.command import export_checked  # needs torch

        form = form or ("openvino" if out.suffix.lower() == ".xml" else "onnx")
        chosen: dict[str, Any] = {
            "format": form,
            "precision": precision,
            "half": half,
            "imgsz": None if imgsz is None else _size(imgsz),
            "free_size": free_size,
            "calibration": _pixel_size(pixel_size, calibration),
            "keep": tuple(keep or ()),
        }
        tell = partial(screen.print, markup=False, highlight=False)
        if data is None and any((splits, split, int8_split)):
            raise UsageError("there is no dataset to divide", where="--split", remedy="Give --data")
        shown = Data(data, splits, split, images, int8_split)
        written = export_checked(weights, out, Wanted(**chosen), shown, tell)
    emit_json("export", 1, written.to_json(), json_file)
    _show(screen, written, out)


def _refuse_for_enhancer(form: str | None, precision: str, *others: Any) -> None:
    from flawscope.errors import UsageError

    if form == "openvino" or precision != "fp32" or any(others):
        raise UsageError(
            "an enhancer is exported with its network as ONNX in fp32, at its own size",
            where="--format, --precision, --imgsz, --free-size, --keep, --mm-per-px, --splits, --split, --int8-split",
            remedy="Leave these options out",
        )


def _size(text: str) -> tuple[int, int]:
    """``H,W`` or one number for both."""
    from flawscope.errors import UsageError

    numbers = _numbers(text, "--imgsz", "Try --imgsz 256 or --imgsz 256,512")
    if not all(number.is_integer() and 32 <= number <= 4096 for number in numbers):
        raise UsageError(
            "height and width must be whole numbers from 32 to 4096",
            where=f"--imgsz {text}",
            remedy="Larger images are cut into tiles",
        )
    return int(numbers[0]), int(numbers[-1])


def _pixel_size(text: str | None, calibration: str | None) -> Any:
    from flawscope.errors import UsageError
    from flawscope.segment.header import PixelSize

    if text is None:
        if calibration is not None:
            raise UsageError(
                "its size of a pixel is missing", where="--calibration", remedy="Give --mm-per-px"
            )
        return None
    numbers = _numbers(text, "--mm-per-px", "Try --mm-per-px 0.05 or --mm-per-px 0.05,0.08")
    if not all(0 < number < float("inf") for number in numbers):
        raise UsageError("a pixel has a size above 0", where=f"--mm-per-px {text}", remedy="Give millimetres")
    return PixelSize(id=calibration or "export", mm_per_px_x=numbers[0], mm_per_px_y=numbers[-1])


def _numbers(text: str, option: str, remedy: str) -> list[float]:
    from flawscope.errors import UsageError

    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise UsageError("not one or two numbers", where=f"{option} {text}", remedy=remedy)
    return numbers


def _show(screen: Any, written: Exported | ExportedEnhancer, out: Path) -> None:
    """The parity report as a short table, then the file."""
    from rich.table import Table

    agreement = written.parity
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("pixels that keep their label", f"{agreement.equal_labels:.4%}")
    table.add_row(f"  of the {agreement.decided:.2%} that are decided", f"{agreement.equal_decided:.4%}")
    table.add_row("pixels compared", f"{agreement.pixels:,} in {agreement.images} images")
    table.add_row(
        "  of them called defects", f"{agreement.found:.3%} before, {agreement.found_exported:.3%} after"
    )
    table.add_row("largest difference of a probability", f"{agreement.max_difference:.2g}")
    if agreement.iou_drop is not None:
        table.add_row(
            f"IoU on {agreement.defective} images with defects",
            f"{agreement.iou_source:.4f} before, {agreement.iou_exported:.4f} after "
            f"({-agreement.iou_drop:+.2f} points)",
        )
    if agreement.clean_changed is not None:
        table.add_row(f"verdict changed on {agreement.clean} clean images", f"{agreement.clean_changed:.1%}")
    quantised = getattr(written, "quantised", None)
    if quantised is not None:
        table.add_row("layers in int8", f"{quantised.in_int8} of {quantised.layers}")
        table.add_row("multiply-adds in int8", f"{quantised.share:.1%}")
    screen.print(table)
    for note in getattr(written, "notes", ()):
        screen.print(f"note: {note}", markup=False)
    kibibytes = written.size / 1024
    size = f"{kibibytes / 1024:.2f} MiB" if kibibytes >= 1024 else f"{kibibytes:.0f} KiB"
    screen.print(f"{out}  {size}", markup=False)
