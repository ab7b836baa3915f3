"""What an export is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flawscope.errors import UsageError
from flawscope.segment.header import PixelSize, Precision

Format = Literal["onnx", "openvino"]

SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml"}
PRECISIONS: dict[Format, tuple[Precision, ...]] = {"onnx": ("fp32",), "openvino": ("fp32", "bf16", "int8")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export to.

    Attributes:
        format: ``"onnx"`` or ``"openvino"``.
        precision: ``"fp32"``; OpenVINO also ``"bf16"`` and ``"int8"``.
        half: store the weights as 16-bit floats; they compute in ``precision`` all the same. None: where the trained
            weights are stored so.
        imgsz: another input size ``(height, width)`` than the trained one.
        free_size: the graph takes any height and width in multiples of 32; ``predict`` goes on using ``imgsz``.
        calibration: size of a pixel, to travel in the file.
        keep: names of layers that int8 keeps in fp32, with ``*`` and ``?`` as in file names.
    """

    format: Format = "onnx"
    precision: Precision = "fp32"
    half: bool | None = None
    imgsz: tuple[int, int] | None = None
    free_size: bool = False
    calibration: PixelSize | None = None
    keep: tuple[str, ...] = ()

    def check(self, out: Path) -> None:
        """Raise UsageError where the parts, or the name of the file, do not fit together."""
        if self.precision not in PRECISIONS[self.format]:
            raise UsageError(
                f"there is no {self.format} export in {self.precision}",
                where=f"--precision {self.precision}",
                remedy="Give --format openvino, which has fp32, bf16 and int8",
            )
        suffix = SUFFIXES[self.format]
        if out.suffix.lower() != suffix:
            raise UsageError(
                f"the file to write must end in {suffix}", where=out, remedy=f"Give --out FILE{suffix}"
            )
        if self.keep and self.precision != "int8":
            raise UsageError("only int8 changes layers", where="--keep", remedy="Give --precision int8")


@dataclass(frozen=True, slots=True)
class Data:
    """Images to compare on, and for int8 to calibrate on.

    Attributes:
        path: a dataset in any layout or a folder of images; None for drawn images.
        splits, split: a split file and the part to take, as in ``evaluate``.
        images: how many to compare on; int8 calibrates on up to 128 others.
        int8_split: the part that int8 calibrates on; None: the same as ``split``.
    """

    path: Path | None = None
    splits: Path | None = None
    split: str | None = None
    images: int = 16
    int8_split: str | None = None
