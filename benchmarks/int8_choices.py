"""What each choice of the int8 export is worth: IoU with all eligible layers in int8, one choice undone at a time.

    python benchmarks/int8_choices.py --nano W --data ROOT

``ocinet-tiny`` as shipped on SD-saliency-900 and ``--nano``, any trained ``ocinet-nano``, on magnetic tile. It is
calibrated and scored on the same images of the validation split, as the export's own control does it; no layer goes
back. Clean images serve calibration alone: the IoU is the mean over images with defects. Results go to
``benchmarks/results/int8_choices.json``.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flawscope.export.int8 import Graph, Recipe
from flawscope.export.onnx import to_onnx
from flawscope.export.openvino import from_onnx
from flawscope.export.scoring import cases_of
from flawscope.export.shown import find_samples, read_all, spread
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment import load
from flawscope.segment.network import load_network

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "int8_choices.json"
TINY = ROOT / "src" / "flawscope" / "weights" / "ocinet-tiny.safetensors"
RECIPES = {
    "as exported": Recipe(),
    "gates and other small layers too": Recipe(negligible=0.0),
    "mean of each image's extremes": Recipe(extremes=False),
    "SmoothQuant": Recipe(smooth=True),
    "NNCF's defaults on layers with weights": Recipe(0.0, extremes=False, smooth=True),
}
IMAGES = 64


def measure(weights: Path, side: int, data: Path, splits: Path) -> dict[str, Any]:
    source = load(weights, device="cpu")
    header = source.header.model_copy(update={"imgsz": (side, side), "precision": "int8"})
    source.engine.header = header  # type: ignore[misc]  # answers at the size of the export
    samples = spread(find_samples(data, splits=splits, split="val"), IMAGES)[0]
    inputs, cases = cases_of(source, header, read_all(samples))
    model = from_onnx(to_onnx(load_network(weights), header, half=False, free_size=False).SerializeToString())
    rows = {}
    for name, recipe in RECIPES.items():
        graph = Graph(model, header, recipe)
        chosen = graph.quantisable([])
        before, after = (graph.score(each, cases) for each in (graph.model, graph.quantised(chosen, inputs)))
        rows[name] = {
            "recipe": asdict(recipe),
            "layers_in_int8": len(chosen),
            "layers": graph.layers,
            "share_of_multiply_adds": round(graph.share(chosen), 4),
            "iou_before": round(before, 4),
            "iou_after": round(after, 4),
            "points_lost": round(100 * (before - after), 2),
        }
        print(name, rows[name], flush=True)
    return {"images": len(inputs), "scored": len(cases), "imgsz": side, "choices": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nano", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    splits = options.data / "splits"
    report = {
        "machine": describe_machine(),
        "ocinet-tiny": measure(TINY, 352, options.data / "sd-saliency-900", splits / "sd-saliency-900.json"),
        "ocinet-nano": measure(
            options.nano, 224, options.data / "magnetic-tile", splits / "magnetic-tile.json"
        ),
    }
    write_json(RESULT, report)


if __name__ == "__main__":
    main()
