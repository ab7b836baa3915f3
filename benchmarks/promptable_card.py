"""``docs/promptable.md`` and the cards beside the weights, rendered from ``results/promptable_models.json``.

Run: ``python benchmarks/promptable_card.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import flawscope
from flawscope.outputs import write_text

HERE = Path(__file__).parent
RESULT = HERE / "results" / "promptable_models.json"
PAGE = HERE.parent / "docs" / "promptable.md"
WEIGHTS = Path(flawscope.__file__).parent / "weights"

MODELS = ("promptable-no-steel", "promptable-no-tile")
PROMPTS = {"point": "one point", "three": "three points", "box": "box"}
SEEN = {
    "promptable-no-steel": "the 595 training images of magnetic tile (177 with a defect)",
    "promptable-no-tile": "the 486 training images of SD-saliency-900",
}
MATERIAL = {"promptable-no-steel": "magnetic tile", "promptable-no-tile": "strip steel"}
UNSEEN = {"promptable-no-steel": "strip steel", "promptable-no-tile": "magnetic tile"}


def cell(figure: dict[str, Any]) -> str:
    low, high = figure["interval_95"] or (float("nan"), float("nan"))
    return f"{figure['iou_image_mean']:.3f} ({low:.3f} to {high:.3f})"


def iou_table(name: str, model: dict[str, Any]) -> str:
    """One row a class and prompt: the model, GrabCut, and their paired difference."""
    lines = [
        f"| images | prompt | `{name}` | `grabcut` | difference |",
        "|---|---|---|---|---|",
    ]
    for part, row in model["iou"].items():
        title = f"{'all' if part == 'all' else part} ({row['images']})"
        for kind, said in PROMPTS.items():
            figures = row[kind]
            cells = [cell(figures[key]) for key in (name, "grabcut", f"{name} minus grabcut")]
            lines.append(f"| {title} | {said} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def facts(model: dict[str, Any]) -> str:
    megabytes = model["bytes"]["model.safetensors"] / 2**20
    times = ", ".join(
        f"{run['image_and_click_ms']['median']:.0f} ms with {run['threads']} "
        f"thread{'s' if run['threads'] > 1 else ''}"
        for run in model["speed_256px"]
    )
    again = model["speed_256px"][-1]["further_click_ms"]["median"]
    return (
        f"{model['parameters']:,} parameters, {megabytes:.1f} MiB in half precision. A new image of 256 px with one "
        f"click takes {times}; a further click on it {again:.0f} ms (medians; load average "
        f"{model['machine']['load_average'][0]:.1f} on {model['machine']['cores']} cores)."
    )


def minutes(model: dict[str, Any]) -> str:
    stages = model["training"]
    return " and ".join(
        f"{stage['steps']:,} steps ({stage['steps'] * stage['seconds_a_step'] / 60:.0f} minutes)"
        for stage in (stages["drawn"], stages["seen"])
    )


def section(name: str, report: dict[str, Any]) -> str:
    model = report[name]
    whole = model["iou"]["all"]
    units = "images" if whole["groups"] == whole["images"] else f"the {whole['groups']} physical pieces"
    return "\n\n".join(
        [
            f"## {name}, on {UNSEEN[name]}",
            f"Trained on drawn surfaces and {SEEN[name]}; no image of {UNSEEN[name]} decided anything. "
            f"The two stages took {minutes(model)} on one core of a CPU. "
            f"{facts(model)}",
            f"IoU as an image mean on the {whole['images']} test images with a defect, in brackets bootstrap 95 % "
            f"intervals over {units}:",
            iou_table(name, model),
        ]
    )


def card(name: str, report: dict[str, Any]) -> str:
    other = section(name, report).split("\n\n", 1)[1]
    return f"""# {name}

A small SAM that answers points, boxes and rough masks on surfaces it was never trained on; open it with
`--segmenter sam:FOLDER`, `flawscope.segment.sam.load_sam(FOLDER)`, or transformers' `SamModel.from_pretrained`.
Never score it on a few-shot task of {MATERIAL[name]}: it saw that material.

{other}

{LIMITS}
{TERMS}
"""


def page(report: dict[str, Any]) -> str:
    prompts = report["prompts"].partition("\n\n")[2].strip().replace("``", "`")
    return (
        "\n\n".join([OPENING, *(section(name, report) for name in MODELS), PROMPTED + prompts, CLOSING])
        + "\n"
    )


OPENING = """# Promptable models of our own

Two small models of the SAM architecture, trained here from scratch: one that never saw strip steel, one that
never saw magnetic tile. Use the one that did not see your test material; a model is never scored on a few-shot
task of the material it was trained on. The figures on this page are rendered from
`benchmarks/results/promptable_models.json`."""

PROMPTED = "## The prompts\n\nThey follow from the true mask alone and are the same for both methods:\n\n"

LIMITS = """**Limits.** Both models are tiny and were trained for about two hours on one core. With a box they
are better than GrabCut on strip steel; with points they are no better there and worse on magnetic tile; which
classes gain and which lose is in the tables. Predicted IoU ranks masks poorly. Mask logits have 128 cells a side, so
details below 2 px of the 256 px input are lost, and large photographs should be cut into tiles. They
were trained on grey images. One training run each; how much seeds differ was not measured.
"""

TERMS = """**Terms.** The photographs were published for research and their repositories state no licence, so whether
weights trained on them may be used commercially is unclear."""

CLOSING = f"""## How they are made

A scene is a drawn surface (`flawscope.data.synthetic`) or a training image, seen whole or at up to three
times its size, with up to three random outlines filled with foreign texture or another tone. Asked for are
all defects at once, each class, each connected piece, each foreign texture, and the sound surface; with a
click, a box, two or three clicks, or a box and clicks (the sound surface with clicks alone), and one prompt in
eight has a rough mask as well. The
first of SAM's four masks learns from every prompt, the best of the other three as well, and the model learns
to foretell their IoU. Both models share a first stage on drawn surfaces alone; the second adds the
photographs. The drawn surfaces include imitations of steel, rail and tile; no photograph of the unseen
material was used, not even to choose a checkpoint: the last averaged weights are shipped.

```
python benchmarks/promptable_models.py train --without steel --data ROOT
python benchmarks/promptable_models.py train --without tile --data ROOT
python benchmarks/promptable_models.py measure --data ROOT
python benchmarks/promptable_card.py
```

A killed run goes on when the same command is called again.

## Limits and terms

{LIMITS}
{TERMS}"""


def main() -> None:
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    write_text(PAGE, page(report))
    for name in MODELS:
        write_text(WEIGHTS / name / "README.md", card(name, report))


if __name__ == "__main__":
    main()
