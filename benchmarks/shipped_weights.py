"""Make and measure the weights that ship inside the package, by the commands a user has.

    FLAWSCOPE_DATA=DIR python benchmarks/shipped_weights.py STAGE [STAGE ...]

Stages, in order:

    steel     train ocinet-tiny from scratch on strip steel (SD-saliency-900), at most 58 minutes
    drawn     draw 400 surfaces
    general   from those weights, train on strip steel, magnetic tile and the drawn surfaces
    export    store in half precision, as safetensors and as ONNX, inside the package
    measure   evaluate on the test parts, beside the two published methods whose maps are public
    nano, export_nano, measure_nano
              the same for ocinet-nano, from scratch on all three materials at once
    card      render the model cards from the results

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
        flawscope("train", "--out", run, "--model", "ocinet-pvt-b0", "--imgsz", "224", *words)


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


def nano() -> None:
    data()
    more = ["--model", "ocinet-lcnet", "--imgsz", "224", "--set", "start_imgsz=96", "--batch", "16"]
    more += ["--epochs", "40", "--lr", "0.002", "--patience", "0", "--validate-every", "4", "--no-imagenet"]
    run = RUNS / "nano-general"
    if (run / "config.yaml").exists():
        flawscope("train", "--resume", "--out", run)
    else:
        flawscope("train", "--out", run, "--data", HERE / "datasets" / "steel_tile_drawn.yaml", *more)


def export() -> None:
    store("general", "ocinet-tiny")


def export_nano() -> None:
    store("nano-general", "ocinet-nano")


def store(run: str, name: str) -> None:
    """Into the package, as ONNX and as safetensors, both in half precision; ONNX is checked on drawn surfaces."""
    from flawscope.segment.header import read_safetensors_header
    from flawscope.segment.network import load_network, save_safetensors

    best = RUNS / run / "weights" / "best.safetensors"
    save_safetensors(
        load_network(best), read_safetensors_header(best), WEIGHTS / f"{name}.safetensors", half=True
    )
    target = WEIGHTS / f"{name}.onnx"
    flawscope("export", "--weights", RUNS / run, "--out", target, "--half", "--data", DRAWN)


def measure() -> None:
    keep_training("steel", RUNS / "sd900")
    keep_training("general", RUNS / "general")
    root = data()
    evaluate("steel_from_scratch", "--weights", RUNS / "sd900", *parts(root)["steel"])
    for material, words in parts(root).items():
        evaluate(material, "--weights", WEIGHTS / "ocinet-tiny.onnx", *words)
    for peer in ("csepnet", "tsernet"):
        maps = ["--predictions", root / "peers" / f"sd900-{peer}", "--normalise"]
        evaluate(f"steel_{peer}", *maps, *parts(root)["steel"])


def measure_nano() -> None:
    keep_training("nano", RUNS / "nano-general")
    for material, words in parts(data()).items():
        evaluate(f"{material}_nano", "--weights", WEIGHTS / "ocinet-nano.onnx", *words)


def parts(root: Path) -> dict[str, list[str | Path]]:
    """The test parts of both materials."""
    return {
        "steel": ["--data", root / "sd-saliency-900", "--splits", root / "splits" / "sd-saliency-900.json"],
        "tile": ["--data", root / "magnetic-tile", "--splits", root / "splits" / "magnetic-tile.json"],
    }


def keep_training(name: str, run: Path) -> None:
    """Curve and summary of a training, among the results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    machine = json.loads((run / "env.json").read_text())
    machine.pop("command")  # it names folders of the machine
    file = RESULTS / "training.json"
    training = json.loads(file.read_text()) if file.exists() else {}
    training[name] = {**json.loads((run / "metrics.json").read_text()), "machine": machine}
    file.write_text(json.dumps(training, indent=1) + "\n")
    shutil.copyfile(run / "metrics.csv", RESULTS / f"training_{name}.csv")


def evaluate(name: str, *words: str | Path) -> None:
    """Measure on test images, into a JSON file with the machine."""
    file = RESULTS / f"{name}.json"
    flawscope("evaluate", *words, "--split", "test", "--json", file)
    report = json.loads(file.read_text())
    report["machine"] = describe_machine()
    file.write_text(json.dumps(report, indent=1) + "\n")


def card() -> None:
    from shipped_card import fill_readme, render, render_nano

    (WEIGHTS / "ocinet-tiny.md").write_text(render(), encoding="utf-8")
    (WEIGHTS / "ocinet-nano.md").write_text(render_nano(), encoding="utf-8")
    fill_readme()


ORDER = (steel, drawn, general, export, measure, nano, export_nano, measure_nano, card)
STAGES = {stage.__name__: stage for stage in ORDER}

if __name__ == "__main__":
    if not sys.argv[1:] or set(sys.argv[1:]) - set(STAGES):
        sys.exit(__doc__)
    for wanted in sys.argv[1:]:
        STAGES[wanted]()
