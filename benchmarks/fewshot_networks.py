"""SDIE in front of OCINet: networks that never saw the material, with and without the agent.

    FLAWSCOPE_DATA=DIR python benchmarks/fewshot_networks.py STAGE [STAGE ...]

Stages, in order:

    drawn     draw 400 surfaces
    train     train ocinet-lcnet on strip steel and the drawn surfaces, and on magnetic tile and the drawn surfaces;
              about 40 minutes each on one core
    study     the few-shot study on the classes of the material that each network never saw

Runs go to ``runs/``; the results are ``benchmarks/results/fewshot_network_no_{tile,steel}_5shot.json``. Training and
study go on when their stage is called again. ``python benchmarks/fewshot_tables.py`` renders the tables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shipped_weights import RUNS, draw_surfaces, flawscope

HERE = Path(__file__).parent
UNSEEN = {
    "tile": ("steel_and_drawn.yaml", 36, "tile-blowhole,tile-break,tile-crack,tile-fray,tile-uneven"),
    "steel": ("tile_and_drawn.yaml", 30, "steel-inclusion,steel-patches,steel-scratches"),
}
"""By the material that a network never saw: its training set, epochs, and the classes it is scored on."""


def drawn() -> None:
    draw_surfaces(RUNS / "drawn", 400)


def train() -> None:
    for unseen, (dataset, epochs, _) in UNSEEN.items():
        run = RUNS / f"no-{unseen}"
        if (run / "config.yaml").exists():
            flawscope("train", "--resume", "--out", run)
            continue
        told = ["--data", HERE / "datasets" / dataset, "--model", "ocinet-lcnet", "--imgsz", "224"]
        more = ["--no-imagenet", "--epochs", str(epochs), "--patience", "0", "--precision", "bf16"]
        more += ["--set", "least_crop=0.4", "--set", "cross_entropy=1", "--set", "clean_share=0.001"]
        flawscope("train", "--out", run, *told, *more)


def study() -> None:
    splits = Path(os.environ["FLAWSCOPE_DATA"]) / "splits"
    manifests = [word for seed in range(3) for word in ("--manifest", splits / f"fewshot8-seed{seed}.json")]
    for unseen, (_, _, classes) in UNSEEN.items():
        folder = RUNS / f"fewshot-no-{unseen}"
        told = ["--shots", "5", "--segmenter", f"network:runs/no-{unseen}", "--classes", classes]
        more = ["--method", "raw,best-single,td3,prototype", "--seeds", "1", "--out", folder]
        flawscope("fewshot", "run", *manifests, *told, *more)
        result = HERE / "results" / f"fewshot_network_no_{unseen}_5shot.json"
        groups = ["--splits", splits / "magnetic-tile.json"] if unseen == "tile" else []
        page = RUNS / f"fewshot-no-{unseen}.html"
        flawscope(
            "fewshot", "report", folder, "--choice", "likeness", *groups, "--json", result, "--out", page
        )


STAGES = {stage.__name__: stage for stage in (drawn, train, study)}

if __name__ == "__main__":
    if not sys.argv[1:] or set(sys.argv[1:]) - set(STAGES) or not os.environ.get("FLAWSCOPE_DATA"):
        sys.exit(__doc__)
    for wanted in sys.argv[1:]:
        STAGES[wanted]()
