"""The model card of the shipped weights and the README's table, rendered from the results' JSON."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from flawscope.study.runs import Run

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "shipped_weights"
STUDIES = HERE / "results" / "study"
README = HERE.parent / "README.md"

FIGURES = ("iou_fg_image_mean", "wfm", "s_measure", "mae")
TITLES = ("IoU, image mean", "weighted F", "S-measure", "MAE")


TERMS = """**Terms.** Both photograph sets were published for research; their repositories state no licence, so
whether weights trained on them may be used commercially is unclear. Ask their authors, or train on
images of your own."""

MATERIALS = """- strip steel: 486 images of SD-saliency-900 (github.com/SongGuorong/MCITF), from the 540 of the
  540/360 division;
- magnetic tile: 595 images (github.com/abin24/Magnetic-tile-defect-datasets.), divided by physical tile;
- 320 surfaces drawn by `flawscope data synth`."""

HISTORY = """These very weights were interrupted and resumed: the steel run followed a 90-epoch schedule for its first
13 epochs and a 64-epoch one after; the second run a 20-epoch schedule for 11 epochs and a 30-epoch one after, and got
its term against false alarms on clean images (`clean_share`) at epoch 18, when validation showed that two thirds of
the defect-free tiles were rejected. Run from the start by the command below, they would differ a little."""
"""What the commands do not show."""


def load(name: str, results: Path = RESULTS) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    return report


def cell(report: dict[str, Any], figure: str) -> str:
    """A figure with its 95 % interval."""
    low, high = report["intervals_95"][figure]
    digits = 4 if figure == "mae" else 3
    return f"{report['figures'][figure]:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def row(title: str, report: dict[str, Any]) -> str:
    return f"| {title} | " + " | ".join(cell(report, figure) for figure in FIGURES) + " |"


def steel_table(results: Path = RESULTS) -> str:
    """Ours beside the two published methods, on the same 360 images."""
    minutes = load("training", results)["steel"]["seconds"] / 60
    return "\n".join(
        [
            "| method | " + " | ".join(TITLES) + " |",
            "|---|" + "---|" * len(FIGURES),
            row("TSERNet (190 M parameters, ImageNet backbone)", load("steel_tsernet", results)),
            row("CSEPNet (18.8 M, ImageNet backbone)", load("steel_csepnet", results)),
            row(
                f"`ocinet-pvt-b0` (4.7 M, from scratch, {minutes:.0f} minutes on a CPU)",
                load("steel_from_scratch", results),
            ),
            row("`ocinet-tiny`, shipped weights (of `ocinet-pvt-b0`)", load("steel", results)),
            row("`ocinet-nano`, shipped weights (of `ocinet-lcnet`)", load("steel_nano", results)),
        ]
    )


def tile_table(name: str, results: Path = RESULTS) -> str:
    report = load(name, results)
    lines = ["| kind | images | IoU, image mean | recall, pooled |", "|---|---|---|---|"]
    for kind, part in report["kinds"].items():
        if kind == "free":
            continue
        figures = part["figures"]
        lines.append(
            f"| {kind} | {part['images']} | {figures['iou_fg_image_mean']:.3f} | {figures['recall_fg']:.3f} |"
        )
    return "\n".join(lines)


def verdicts(report: dict[str, Any], part: str) -> str:
    figures = report[part]
    overkill, escape = figures["overkill_rate"], figures["escape_rate"]
    return f"{overkill:.1%} of the defect-free rejected, {escape:.1%} of the defective passed"


def measured(training: dict[str, Any], network: str, results: Path = RESULTS) -> str:
    """Figures of the shipped weights of a network, and what they cannot do; results are named by ``network``."""
    validation = training["validation"]
    steel, tile = load(f"steel{network}", results), load(f"tile{network}", results)
    return f"""Weights and threshold were chosen on validation images (IoU {validation["iou_fg_image_mean"]:.3f} on
{validation["images"]} of them). The figures below are on test images that decided nothing; in brackets bootstrap
95 % intervals over images. One training run; how much seeds differ was not measured.

Strip steel, {steel["images"]} images, threshold 0.5:

{steel_table(results)}

The peers' figures are recomputed from the maps that their authors released (scaled to 0 to 1 an image, as usual for
such maps).

Magnetic tile, {tile["images"]} images, threshold 0.5:

{tile_table(f"tile{network}", results)}

An image is rejected when a single pixel exceeds the threshold. At 0.5: {verdicts(tile, "figures")}.
At the calibrated threshold: {verdicts(tile, "figures_calibrated")}.

## Limits

Other surfaces, cameras and lights were never seen: look at the overlays before trusting a figure, and fine-tune.
Thin scratches and defects of a few pixels in large images are lost when the image is reduced to 224x224."""


def render(results: Path = RESULTS) -> str:
    """The model card."""
    training = load("training", results)
    general = training["general"]
    return f"""# ocinet-tiny, shipped weights

A starting point for inspecting metal surfaces, and what `flawscope predict` uses unless told otherwise.

| | |
|---|---|
| network | `ocinet-pvt-b0`: OCINet on PVT-v2-b0, 64 channels, 4,689,462 parameters |
| answers | one class, `defect` |
| input | 224x224; images are stretched to it and masks back to their own size |
| threshold | {general["threshold"]:.2f}, chosen on the validation parts |
| files | `ocinet-tiny.onnx` for the light install, `ocinet-tiny.safetensors` for fine-tuning; half precision |

## Trained on

First from random initialisation on strip steel ({training["steel"]["seconds"] / 60:.0f} minutes), then on all three
({general["seconds"] / 60:.0f} minutes, {general["epochs"]} epochs), on a CPU, no ImageNet weights:

{MATERIALS}

{TERMS}

## Measured

{measured(general, "", results)}

## How this file came about

{HISTORY}

Made by `python benchmarks/shipped_weights.py steel drawn general export measure card`; all figures are in
`benchmarks/results/shipped_weights/`.
"""


def render_nano(results: Path = RESULTS) -> str:
    """The model card of the smaller network."""
    training = load("training", results)["nano"]
    return f"""# ocinet-nano, shipped weights

For small devices: a fifth of `ocinet-tiny`.

| | |
|---|---|
| network | `ocinet-lcnet`: OCINet on PP-LCNet, 28 channels, 957,878 parameters |
| answers | one class, `defect` |
| input | 224x224; images are stretched to it and masks back to their own size |
| threshold | {training["threshold"]:.2f}, chosen on the validation parts |
| files | `ocinet-nano.onnx` for the light install, `ocinet-nano.safetensors` for fine-tuning; half precision |

## Trained on

From random initialisation on all three at once ({training["seconds"] / 60:.0f} minutes on one busy CPU core,
{training["epochs"]} epochs of images that grow from 96 to 224 pixels), no ImageNet weights:

{MATERIALS}

{TERMS}

## Measured

{measured(training, "_nano", results)}

Made by `python benchmarks/shipped_weights.py drawn nano export_nano measure_nano card`; all figures are in
`benchmarks/results/shipped_weights/`.
"""


def trained_here() -> str:
    """What the same networks reach on strip steel alone, from the study's runs."""
    said = []
    for network in ("ocinet-tiny", "ocinet-nano"):
        name = Run("steel", f"{network}, long", 0).name
        run = json.loads((STUDIES / "steel" / f"{name}.json").read_text(encoding="utf-8"))
        report, training = run["tests"]["steel"]["standard"], run["training"]
        millions = run["network"]["parameters"] / 1e6
        said.append(
            f"`{network}` ({millions:.1f} M) has an IoU of {cell(report, 'iou_fg_image_mean')}, a weighted F of "
            f"{cell(report, 'wfm')} and an MAE of {cell(report, 'mae')} after {training['seconds'] / 60:.0f} minutes"
        )
    return "\n".join(textwrap.wrap("; ".join(said), 118))


def readme_results() -> str:
    tile = load("tile")
    return f"""Strip steel, the 360 test images of SD-saliency-900 for which two published methods released their
maps; threshold 0.5, fixed before the test, bootstrap 95 % intervals over images:

{steel_table()}

So the weights that ship here do not reach the two methods with ImageNet backbones yet. Trained on this steel alone,
from random values, on one CPU core, today's networks come close:
{trained_here()}
([all results](docs/results.md), each with its command). On magnetic tile
(divided by physical tile, {tile["images"]} test images) the shipped `ocinet-tiny` has an image-mean IoU of
{tile["figures"]["iou_fg_image_mean"]:.3f} over all images, clean ones included, reject
{tile["figures"]["overkill_rate"]:.0%} of the defect-free images and let {tile["figures"]["escape_rate"]:.0%} of the
defective ones pass: [model card](src/flawscope/weights/ocinet-tiny.md). Rerun with
`python benchmarks/shipped_weights.py measure`.
"""


def fill_readme() -> None:
    """Put the results between the README's markers."""
    text = README.read_text(encoding="utf-8")
    filled = re.sub(
        r"<!-- results -->.*?<!-- /results -->",
        lambda _: f"<!-- results -->\n{readme_results()}<!-- /results -->",
        text,
        flags=re.DOTALL,
    )
    README.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(__doc__)
