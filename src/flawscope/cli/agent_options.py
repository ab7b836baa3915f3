"""Options that ``fewshot learn`` and ``fewshot run`` share."""

from __future__ import annotations

from typing import Annotated

import typer

AdjustableOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILTER.PARAMETER=LOW:HIGH",
        help="Parameters that the agent sets too, such as wls.lambda_=0.1:10, with commas.",
    ),
]

PresetOption = Annotated[str, typer.Option(help="Of the agent: default or paper.")]

BackboneOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="ImageNet weights (resnet18) of the preset paper. Default: random values."
    ),
]
