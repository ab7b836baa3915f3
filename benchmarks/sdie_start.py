"""Train the policy that trainings of the ``default`` preset go on from, on drawn few-shot tasks only.

    python benchmarks/sdie_start.py [--tasks 100] [--steps 6000] [--seed 0] [--prompted] [--out FOLDER]

No real image is used. Writes ``policy.safetensors`` and ``sdie.json`` of the artefact to ``--out``, by default to
``src/flawscope/weights/sdie-start``, or ``sdie-start-prompted``; the training itself goes to ``runs/`` and resumes
there.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from flawscope.enhance import bank
from flawscope.sdie.agent import train
from flawscope.sdie.drawn import drawn_shots
from flawscope.sdie.starting import START, START_PROMPTED
from flawscope.segment import Segmenter
from flawscope.segment.prompted import Prompted, Witnessed
from flawscope.segment.regions import RegionSegmenter
from flawscope.segment.support import SupportModel

ROOT = Path(__file__).parents[1]
CHANGES = {
    "pretrained": False,
    "symmetries": False,
    "lr": 1e-3,
    "gradient_steps": 2,
    "warmup": 3000,
    "noise": 0.2,
    "noise_end": 0.05,
    "steps": 6000,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--steps", type=int, default=CHANGES["steps"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prompted", action="store_true", help="the segmenter gets mask prompts")
    parser.add_argument("--run", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    name = START_PROMPTED if given.prompted else START
    given.run = given.run or ROOT / "runs" / name
    given.out = given.out or ROOT / "src" / "flawscope" / "weights" / name

    def segmenter(known: SupportModel) -> Segmenter:
        return Prompted(RegionSegmenter(), known) if given.prompted else Witnessed(RegionSegmenter(), known)

    shots = drawn_shots(given.tasks, segmenter, seed=991 + given.seed)
    print(f"{len(shots)} drawn images", flush=True)
    run = train(
        shots,
        bank("default"),
        out=given.run,
        seed=given.seed,
        changes=CHANGES | {"steps": given.steps},
        resume=(given.run / "config.json").exists(),
        choice="quality",
        progress=lambda now: (
            print(
                f"step {now.step}/{now.steps}, return {now.mean_return:.3f}, {now.seconds:.0f} s", flush=True
            )
            if now.episodes % 100 == 0
            else None
        ),
    )
    given.out.mkdir(parents=True, exist_ok=True)
    for name in ("policy.safetensors", "sdie.json"):
        shutil.copyfile(run / name, given.out / name)
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
