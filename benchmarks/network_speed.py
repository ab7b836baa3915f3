"""How long the small networks take on this CPU: one image forward, and one training step.

Run: ``python benchmarks/network_speed.py [--threads N]``; writes ``benchmarks/results/network_speed.json``.
Times are medians and minima; the load average in the result says how busy the machine was.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from flawscope import nets
from flawscope.machine import describe_machine
from flawscope.outputs import write_json

FORWARD_SIZE, STEP_SIZE, BATCH, SEED = 256, 224, 8, 0


def timed(action: Callable[[], None], warm_up: int, repeats: int) -> dict[str, float]:
    for _ in range(warm_up):
        action()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return {"median_ms": round(statistics.median(seconds) * 1e3, 1), "min_ms": round(min(seconds) * 1e3, 1)}


def forward(name: str) -> dict[str, float]:
    net = nets.build(name).eval()
    image = torch.randn(1, 3, FORWARD_SIZE, FORWARD_SIZE)
    with torch.inference_mode():
        return timed(lambda: net(image), warm_up=3, repeats=20)


def step(name: str, bfloat16: bool) -> dict[str, float]:
    net = nets.build(name).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4)
    images = torch.randn(BATCH, 3, STEP_SIZE, STEP_SIZE)
    truth = (torch.rand(BATCH, 1, STEP_SIZE, STEP_SIZE) > 0.9).float()

    def one() -> None:
        optimiser.zero_grad()
        context = torch.autocast("cpu", dtype=torch.bfloat16) if bfloat16 else contextlib.nullcontext()
        with context:
            logits = net(images)
        loss = sum(
            torch.nn.functional.binary_cross_entropy_with_logits(maps.float(), truth) for maps in logits
        )
        loss.backward()
        optimiser.step()

    return timed(one, warm_up=1, repeats=5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    torch.manual_seed(SEED)
    report = {
        "machine": describe_machine(),
        "threads": torch.get_num_threads(),
        "seed": SEED,
        "forward": {name: forward(name) for name in ("ocinet-tiny", "ocinet-nano")},
        "forward_size": FORWARD_SIZE,
        "step": {
            name: {"float32": step(name, False), "bfloat16": step(name, True)}
            for name in ("ocinet-tiny", "ocinet-nano")
        },
        "step_size": STEP_SIZE,
        "step_batch": BATCH,
    }
    print(report)
    write_json(Path(__file__).parent / "results" / "network_speed.json", report)


if __name__ == "__main__":
    main()
