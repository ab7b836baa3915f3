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

MATERIALS = """- strip steel: the 540 images of SD-saliency-900 (github.com/SongGuorong/MCITF) that are not tested on;
- magnetic tile: 595 images (github.com/abin24/Magnetic-tile-defect-datasets.), divided by physical tile;
- 160 surfaces drawn by `flawscope data synth`."""

NETWORKS = {
    "tiny": (
        "A start for inspecting metal surfaces, and what `flawscope predict` uses unless told otherwise."
    ),
    "nano": "For small devices: two fifths of `ocinet-tiny`.",
}


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


def general(network: str, studies: Path = STUDIES) -> dict[str, Any]:
    """The run of studies/general.yaml that made the shipped weights."""
    return load(Run("general", f"general {network}", 0).name, studies / "general")


def as_trained(network: str, studies: Path = STUDIES) -> dict[str, Any]:
    """The same network on strip steel before its temperature was fitted."""
    report: dict[str, Any] = general(network, studies)["tests"]["steel"]["standard"]
    return report


def steel_table(results: Path = RESULTS, studies: Path = STUDIES) -> str:
    """Ours beside the two published methods, on the same 360 images."""
    return "\n".join(
        [
            "| method | " + " | ".join(TITLES) + " |",
            "|---|" + "---|" * len(FIGURES),
            row("TSERNet (190 M parameters, ImageNet backbone)", load("steel_tsernet", results)),
            row("CSEPNet (18.8 M, ImageNet backbone)", load("steel_csepnet", results)),
            *(
                line
                for network in NETWORKS
                for line in (
                    row(f"`ocinet-{network}`, shipped weights", load(f"steel_{network}", results)),
                    row("the same without its temperature", as_trained(network, studies)),
                )
            ),
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


def calibration(network: str, results: Path = RESULTS) -> str:
    report = load(f"probabilities_{network}", results)
    ece = report["figures"]["ece"]
    return (
        f"temperature {report['temperature_stored']:.2f}, threshold {report['threshold_stored']:.2f}, fitted on "
        f"{report['images']} validation images of tile and drawn surfaces; there the expected calibration error went "
        f"from {ece['before']:.4f} to {ece['after']:.4f} (each half by the other's temperature)"
    )


def render(network: str, results: Path = RESULTS, studies: Path = STUDIES) -> str:
    """The model card of ``ocinet-tiny`` or ``ocinet-nano``."""
    name = f"ocinet-{network}"
    run = general(network, studies)
    training, net = run["training"], run["network"]
    steel, tile = load(f"steel_{network}", results), load(f"tile_{network}", results)
    side = net["imgsz"][0]
    return f"""# {name}, shipped weights

{NETWORKS[network]}

| | |
|---|---|
| network | `{net["model"]}`, {net["parameters"]:,} parameters |
| answers | one class, `defect` |
| input | {side}x{side}; images are stretched to it and masks back to their own size |
| probabilities | {calibration(network, results)} |
| files | `{name}.onnx` for the light install, `{name}.safetensors` for fine-tuning; half precision |

## Trained on

From random values, on all three at once, {training["passes"]:,} image passes in
{training["seconds"] / 60:.0f} minutes on a CPU ({training["machine"]["threads"]} thread); no ImageNet weights:

{MATERIALS}

{TERMS}

## Measured

On test images that decided nothing; in brackets bootstrap 95 % intervals over images. One training run; how much
seeds differ was not measured.

Strip steel, {steel["images"]} images, threshold 0.5:

{steel_table(results, studies)}

The peers' figures are recomputed from the maps that their authors released (scaled to 0 to 1 an image, as usual for
such maps). The temperature leaves the masks at 0.5 as they are, but weighted F and MAE prefer answers near 0 and 1.
At the stored threshold, which clean tiles and drawn surfaces decided, the IoU on steel is
{steel["figures_calibrated"]["iou_fg_image_mean"]:.3f}: on steel alone `--threshold 0.5` is better.

Magnetic tile, {tile["images"]} images, threshold 0.5:

{tile_table(f"tile_{network}", results)}

An image is rejected when a single pixel exceeds the threshold. At 0.5: {verdicts(tile, "figures")}.
At the stored threshold: {verdicts(tile, "figures_calibrated")}.

## Limits

Other surfaces, cameras and lights were never seen: look at the overlays before trusting a figure, and fine-tune.
Thin scratches and defects of a few pixels in large images are lost when the image is reduced to {side}x{side}.

Made by `python benchmarks/shipped_weights.py drawn train store measure peers card`; all figures are in
`benchmarks/results/`: `study/general/` and `shipped_weights/`.
"""


def tuned_here() -> str:
    """What the same networks reach when tuned on strip steel alone, from the study's runs."""
    said = []
    for network in NETWORKS:
        alone, turned = (
            load(Run("general", f"{network} for steel{how}", 0).name, STUDIES / "general")
            for how in ("", ", 8 symmetries")
        )
        report = alone["tests"]["steel"]["standard"]
        said.append(
            f"`ocinet-{network}` ({alone['network']['parameters'] / 1e6:.1f} M) has an IoU of "
            f"{cell(report, 'iou_fg_image_mean')}, a weighted F of {cell(report, 'wfm')} and an MAE of "
            f"{cell(report, 'mae')} after {alone['training']['seconds'] / 60:.0f} minutes more, and with the "
            "mean over eight symmetries of each image an IoU of "
            f"{cell(turned['tests']['steel']['standard'], 'iou_fg_image_mean')}"
        )
    return "\n".join(textwrap.wrap("; ".join(said), 118))


def readme_results() -> str:
    tile = load("tile_tiny")
    return f"""Strip steel, the 360 test images of SD-saliency-900 for which two published methods released their
maps; threshold 0.5, fixed before the test, bootstrap 95 % intervals over images:

{steel_table()}

The shipped weights are one network each for steel, tile and drawn surfaces. Tuned on this steel alone:
{tuned_here()}
([all results](docs/results.md), each with its command). In weighted F and MAE the two published methods are ahead.

On magnetic tile (divided by physical tile, {tile["images"]} test images), where one pixel above the threshold rejects
an image, the shipped `ocinet-tiny` at its stored threshold: {verdicts(tile, "figures_calibrated")};
at 0.5: {verdicts(tile, "figures")}. Blowholes and cracks are found, large faint regions often are not:
[model card](src/flawscope/weights/ocinet-tiny.md). Rerun with `python benchmarks/shipped_weights.py measure`.
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
