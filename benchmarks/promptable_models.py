"""The two shipped promptable models: how they were trained, and how they do on the material they never saw.

Run: ``python benchmarks/promptable_models.py train --without steel|tile --data ROOT``, then
``... measure --data ROOT``, which writes ``benchmarks/results/promptable_models.json``. ROOT holds the folders
``sd-saliency-900``, ``magnetic-tile`` and ``splits``. Training has two stages: drawn surfaces alone, once for both
models, then drawn surfaces and the training images of the other material. Killed runs go on where they were.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

import flawscope
from flawscope.data.samples import Sample, SegmentationData, open_data
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.segment.grabcut import GrabCutSegmenter
from flawscope.segment.sam import load_sam
from flawscope.train.promptable.batches import Source
from flawscope.train.promptable.loop import LOG, Settings, train
from flawscope.train.promptable.materials import Picture, defective, drawn, photographed
from flawscope.train.promptable.storing import store
from flawscope.train.promptable.validation import validate
from promptable_measuring import scores, size, speed, table, with_defects
from promptable_prompts import __doc__ as prompts_described

SETS = {"steel": "sd-saliency-900", "tile": "magnetic-tile"}
RESULT = Path(__file__).parent / "results" / "promptable_models.json"
WEIGHTS = Path(flawscope.__file__).parent / "weights"
DRAWN = Settings(steps=4000)
SEEN = Settings(steps=900, rate=8e-4, last=0.0, warm_up=30, seed=1)
SIDE = DRAWN.preset.side


def opened(root: Path, material: str) -> SegmentationData:
    name = SETS[material]
    return open_data(root / name, splits=root / "splits" / f"{name}.json")


def drawn_stage(runs: Path) -> Any:
    surfaces = drawn(5000, 0, SIDE, runs / "promptable-data" / "drawn.npy")
    held_out = drawn(64, 1, SIDE, runs / "promptable-data" / "drawn-held-out.npy")
    return train(
        runs / "promptable-drawn",
        DRAWN,
        [Source(surfaces, 1.0)],
        surfaces,
        validation=lambda net: validate(net, held_out, SIDE),
    )


def train_without(unseen: str, root: Path, runs: Path) -> None:
    """Both stages; no image of the unseen material is opened."""
    seen = next(name for name in SETS if name != unseen)
    data = opened(root, seen)
    real = photographed(data.split("train"))
    held_out = photographed(data.split("val"))
    surfaces = drawn(5000, 0, SIDE, runs / "promptable-data" / "drawn.npy")
    flawed = defective(real)
    sound = [picture for picture in real if not picture.mask.any()]
    sources = [Source(surfaces, 0.5), Source(flawed, 0.5 if not sound else 0.45)]
    if sound:
        sources.append(Source(sound, 0.05))
    textures: list[Picture] = [*surfaces, *(real * (len(surfaces) // len(real)))]
    target = WEIGHTS / f"promptable-no-{unseen}"
    net = train(
        runs / f"promptable-no-{unseen}",
        SEEN,
        sources,
        textures,
        start=drawn_stage(runs).state_dict(),
        validation=partial(validate, pictures=held_out, side=SIDE),
    )
    store(net, target, ["drawn surfaces", SETS[seen]])


def grabcut(runs: Path, samples: list[Sample]) -> list[npt.NDArray[np.float64]]:
    """Its IoU by prompt; kept in ``runs``, for it takes minutes and never changes."""
    file = runs / "promptable-data" / f"grabcut-{samples[0].name.replace('/', '-')}-{len(samples)}.json"
    if not file.is_file():
        write_json(file, {kind: list(each) for kind, each in scores(GrabCutSegmenter(), samples).items()})
    return [np.array(each) for each in json.loads(file.read_text()).values()]


def trained(run: Path, settings: Settings) -> dict[str, Any]:
    """Settings of a stage, and the last line of its log."""
    line: dict[str, Any] = json.loads((run / LOG).read_text().splitlines()[-1])
    return {**asdict(settings), **line}


def measure(root: Path, runs: Path, unseen: str) -> dict[str, Any]:
    """Figures of one model on the test images of the material it never saw, beside GrabCut."""
    name = f"promptable-no-{unseen}"
    model = load_sam(WEIGHTS / name)
    samples = with_defects(opened(root, unseen).split("test"))
    found = {
        kind: {name: ours, "grabcut": theirs}
        for (kind, ours), theirs in zip(scores(model, samples).items(), grabcut(runs, samples), strict=True)
    }
    return {
        "unseen": SETS[unseen],
        "training": {
            "drawn": trained(runs / "promptable-drawn", DRAWN),
            "seen": trained(runs / name, SEEN),
        },
        "parameters": sum(weight.numel() for weight in model.engine.model.parameters()),
        "bytes": size(WEIGHTS / name),
        "speed_256px": [speed(model, SIDE, threads) for threads in (1, 2)],
        "iou": table(found, samples, name),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("train", "measure"))
    parser.add_argument("--without", choices=tuple(SETS), required=False)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    if options.action == "train":
        train_without(options.without, options.data, options.runs)
        return
    report = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    report |= {
        "prompts": prompts_described,
        "intervals": "bootstrap, 1000 resamples of physical pieces, seed 0",
    }
    for unseen in (options.without,) if options.without else SETS:
        report[f"promptable-no-{unseen}"] = {
            **measure(options.data, options.runs, unseen),
            "machine": describe_machine(),
        }
        write_json(RESULT, report)


if __name__ == "__main__":
    main()
