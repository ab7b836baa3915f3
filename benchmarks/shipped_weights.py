"""Make and measure the weights that ship inside the package, by the commands a user has.

    FLAWSCOPE_DATA=DIR python benchmarks/shipped_weights.py STAGE [STAGE ...]

Stages, in order:

    steel     train ocinet-tiny from scratch on strip steel (SD-saliency-900), at most 58 minutes
    drawn     draw 400 surfaces
    general   from those weights, train on strip steel, magnetic tile and the drawn surfaces
    export    store in half precision, as safetensors and as ONNX, inside the package
    measure   evaluate on the test parts, beside the two published methods whose maps are public
    card      render the model card from the results

Runs go to ``runs/``, results to ``benchmarks/results/shipped_weights/``. Training that was stopped goes on when
its stage is called again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from flawscope.machine import describe_machine

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results" / "shipped_weights"
RUNS = ROOT / "runs"
WEIGHTS = ROOT / "src" / "flawscope" / "weights"
DRAWN = RUNS / "drawn"


def flawscope(*words: str | Path) -> None:
    """Run one command, visibly; stop when it fails."""
    command = ["flawscope", *map(str, words)]
    print("$", " ".join(command), flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True, cwd=ROOT)


def data() -> Path:
    """The folder of public datasets."""
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root:
        sys.exit("set FLAWSCOPE_DATA to the folder of the public datasets")
    return Path(root).resolve()


def train(run: Path, *words: str | Path) -> None:
    if (run / "config.yaml").exists():
        flawscope("train", "--resume", "--out", run)
    else:
        flawscope("train", "--out", run, "--model", "ocinet-tiny", "--imgsz", "224", *words)


def steel() -> None:
    root = data()
    splits = root / "splits" / "sd-saliency-900.json"
    source = ["--data", root / "sd-saliency-900", "--splits", splits]
    more = ["--epochs", "64", "--patience", "0", "--precision", "bf16", "--no-imagenet", "--minutes", "58"]
    train(RUNS / "sd900", *source, *more)


def drawn() -> None:
    flawscope(
        "data",
        "synth",
        "--out",
        DRAWN,
        "--count",
        "400",
        "--size",
        "256x256",
        "--seed",
        "11",
        "--clean",
        "0.25",
    )


def general() -> None:
    data()
    source = ["--data", HERE / "datasets" / "steel_tile_drawn.yaml", "--weights", RUNS / "sd900"]
    more = ["--epochs", "30", "--lr", "0.0005", "--patience", "0", "--precision", "bf16"]
    train(RUNS / "general", *source, *more)


def export() -> None:
    flawscope(
        "export",
        "--weights",
        RUNS / "general",
        "--out",
        WEIGHTS / "ocinet-tiny.onnx",
        "--data",
        DRAWN / "images",
    )
    from flawscope.segment.header import read_safetensors_header
    from flawscope.segment.network import load_network, save_safetensors

    best = RUNS / "general" / "weights" / "best.safetensors"
    header = read_safetensors_header(best)
    save_safetensors(load_network(best), header, WEIGHTS / "ocinet-tiny.safetensors", half=True)


def measure() -> None:
    root = data()
    runs = {"steel": RUNS / "sd900", "general": RUNS / "general"}
    training = {}
    for name, run in runs.items():
        machine = json.loads((run / "env.json").read_text())
        machine.pop("command")  # it names folders of the machine
        training[name] = {**json.loads((run / "metrics.json").read_text()), "machine": machine}
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name, run in runs.items():
        shutil.copyfile(run / "metrics.csv", RESULTS / f"training_{name}.csv")
    (RESULTS / "training.json").write_text(json.dumps(training, indent=1) + "\n")
    steel_test = ["--data", root / "sd-saliency-900", "--splits", root / "splits" / "sd-saliency-900.json"]
    tile_test = ["--data", root / "magnetic-tile", "--splits", root / "splits" / "magnetic-tile.json"]
    everything = {
        "steel_from_scratch": ["--weights", RUNS / "sd900", *steel_test],
        "steel": ["--weights", WEIGHTS / "ocinet-tiny.onnx", *steel_test],
        "tile": ["--weights", WEIGHTS / "ocinet-tiny.onnx", *tile_test],
        "steel_csepnet": ["--predictions", root / "peers" / "sd900-csepnet", "--normalise", *steel_test],
        "steel_tsernet": ["--predictions", root / "peers" / "sd900-tsernet", "--normalise", *steel_test],
    }
    for name, words in everything.items():
        file = RESULTS / f"{name}.json"
        flawscope("evaluate", *words, "--split", "test", "--json", file)
        report = json.loads(file.read_text())
        report["machine"] = describe_machine()
        file.write_text(json.dumps(report, indent=1) + "\n")


def card() -> None:
    from shipped_card import fill_readme, render

    (WEIGHTS / "ocinet-tiny.md").write_text(render(), encoding="utf-8")
    fill_readme()


STAGES = {stage.__name__: stage for stage in (steel, drawn, general, export, measure, card)}

if __name__ == "__main__":
    if not sys.argv[1:] or set(sys.argv[1:]) - set(STAGES):
        sys.exit(__doc__)
    for wanted in sys.argv[1:]:
        STAGES[wanted]()
