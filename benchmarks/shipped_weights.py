"""Make and measure the weights that ship inside the package, by the commands a user has.

    FLAWSCOPE_DATA=DIR python benchmarks/shipped_weights.py STAGE [STAGE ...] [--network tiny|nano]

Stages, in order, for both networks or for one:

    drawn     draw 200 surfaces
    train     the rows "general tiny" and "general nano" of studies/general.yaml: strip steel, magnetic tile and the
              drawn surfaces together, from random values
    store     fit the temperature on validation images, store in half precision, as safetensors and as ONNX, inside
              the package
    measure   evaluate the files in the package on the test parts
    peers     evaluate the maps that two published methods released
    card      render the model cards and the README's table from the results

Runs go to ``runs/``, results to ``benchmarks/results/``. Training that was stopped goes on when its stage is called
again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from flawscope.machine import describe_machine
from shipped_card import NETWORKS, fill_readme, render

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results" / "shipped_weights"
RUNS = ROOT / "runs"
WEIGHTS = ROOT / "src" / "flawscope" / "weights"
DRAWN = RUNS / "drawn-200"
STUDY = HERE / "studies" / "general.yaml"
MATERIALS = HERE / "datasets" / "steel540_tile_drawn.yaml"


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


def draw_surfaces(folder: Path, count: int) -> None:
    """Surfaces to train on, a quarter of them clean, unless they are there."""
    if not folder.exists():
        told = ["--count", str(count), "--size", "256x256", "--seed", "11", "--clean", "0.25"]
        flawscope("data", "synth", "--out", folder, *told)


def drawn() -> None:
    draw_surfaces(DRAWN, 200)


def train(network: str) -> None:
    data()
    flawscope("study", "run", STUDY, "--only", f"general {network}")


def store(network: str) -> None:
    """Into the package, calibrated, in half precision; the ONNX file is checked on drawn surfaces."""
    from flawscope.segment.header import read_safetensors_header
    from flawscope.segment.network import load_network, save_safetensors

    data()
    name = f"ocinet-{network}"
    trained = RUNS / "study" / "general" / f"general-{network}-seed0"
    calibrated = RUNS / "shipped" / f"{name}.safetensors"
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"probabilities_{network}.json"
    part: list[str | Path] = ["--data", MATERIALS, "--split", "val"]
    calibrated.parent.mkdir(exist_ok=True)
    calibrated.unlink(missing_ok=True)
    flawscope("calibrate-probabilities", "--weights", trained, *part, "--out", calibrated, "--json", report)
    with_machine(report)
    header = read_safetensors_header(calibrated)
    save_safetensors(load_network(calibrated), header, WEIGHTS / f"{name}.safetensors", half=True)
    target = WEIGHTS / f"{name}.onnx"
    flawscope("export", "--weights", calibrated, "--out", target, "--half", "--data", DRAWN)


def measure(network: str) -> None:
    for material, words in parts(data()).items():
        evaluate(f"{material}_{network}", "--weights", WEIGHTS / f"ocinet-{network}.onnx", *words)


def peers() -> None:
    root = data()
    for peer in ("csepnet", "tsernet"):
        maps: list[str | Path] = ["--predictions", root / "peers" / f"sd900-{peer}", "--normalise"]
        evaluate(f"steel_{peer}", *maps, *parts(root)["steel"])


def parts(root: Path) -> dict[str, list[str | Path]]:
    """The test parts of both materials."""
    return {
        "steel": ["--data", root / "sd-saliency-900", "--splits", root / "splits" / "sd-saliency-900.json"],
        "tile": ["--data", root / "magnetic-tile", "--splits", root / "splits" / "magnetic-tile.json"],
    }


def evaluate(name: str, *words: str | Path) -> None:
    """Measure on test images, into a JSON file with the machine."""
    file = RESULTS / f"{name}.json"
    flawscope("evaluate", *words, "--split", "test", "--json", file)
    with_machine(file)


def with_machine(file: Path) -> None:
    report = json.loads(file.read_text(encoding="utf-8"))
    report["machine"] = describe_machine()
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def card() -> None:
    for network in NETWORKS:
        (WEIGHTS / f"ocinet-{network}.md").write_text(render(network), encoding="utf-8")
    fill_readme()


def main() -> None:
    once = {stage.__name__: stage for stage in (drawn, peers, card)}
    for_each = {stage.__name__: stage for stage in (train, store, measure)}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="+", choices=[*once, *for_each], metavar="STAGE")
    parser.add_argument("--network", choices=[*NETWORKS], help="of train, store and measure; both by default")
    told = parser.parse_args()
    for wanted in told.stages:
        if wanted in once:
            once[wanted]()
            continue
        for network in NETWORKS if told.network is None else (told.network,):
            for_each[wanted](network)


if __name__ == "__main__":
    main()
