"""The options of every verb that looks for defects in images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from flawscope.cli.opening import SEGMENTER_HELP

Binarize: TypeAlias = Literal["threshold", "otsu"]

Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE...", help="Files, folders, quoted globs, videos.", show_default=False),
]
WeightsOption = Annotated[str, typer.Option("--weights", "--segmenter", help=SEGMENTER_HELP)]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the results.")]
ThresholdOption = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Probability of a defect. Default: calibrated, from the weights."),
]
BinarizeOption = Annotated[
    Binarize, typer.Option(help="'otsu' is the paper's way: it finds a defect in every image.")
]
MinAreaOption = Annotated[int, typer.Option(min=1, help="Leave out regions of fewer pixels.")]
MasksOption = Annotated[bool, typer.Option(help="Write masks/*.png.")]
OverlaysOption = Annotated[bool, typer.Option(help="Write overlays/*.jpg.")]
ProbabilitiesOption = Annotated[bool, typer.Option(help="Write probabilities/*.png, 16-bit.")]
ReportOption = Annotated[bool, typer.Option("--report", help="Also write report.html.")]
WhiteOption = Annotated[
    int | None, typer.Option(min=1, help="Stored value that means white, such as 4095 for 12 bits.")
]
PageOption = Annotated[int | None, typer.Option(min=0, help="Page of multi-page files, from 0.")]
EveryOption = Annotated[int, typer.Option(min=1, help="Of videos, take each n-th frame.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Stop after so many images.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on in --out; leave out what is done.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Begin again in --out.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda:0.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads. Default: all cores.")]
RulesOption = Annotated[
    Path | None, typer.Option("--rules", help="Rule file for the verdict. Without it: only measures.")
]
AllowReductionOption = Annotated[
    bool,
    typer.Option(
        "--allow-reduction",
        help="The weights were trained on images reduced to 1/8 or less (long ones 1/4). Without it no image "
        "seen so is accepted.",
    ),
]
CalibrationOption = Annotated[
    Path | None, typer.Option("--calibration", help="Calibration file, for measures in mm.")
]
CalibrationIdOption = Annotated[
    str | None,
    typer.Option("--calibration-id", "--camera-id", help="The id that the calibration must have."),
]
