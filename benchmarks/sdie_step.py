"""How long one environment step of SDIE takes at 200x200 on this CPU, and where the time goes.

Run: ``python benchmarks/sdie_step.py [--segmenter regions] [--steps N]``; writes
``benchmarks/results/sdie_step.json``. CPU times of the process on one thread, so that neighbours count little. Each
part is timed inside the running environment, on synthetic planes (noise with a brighter disc); the rest is the
mixing, the index and the bookkeeping.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flawscope.enhance.bank import FilterBank
from flawscope.enhance.presets import bank
from flawscope.machine import describe_machine
from flawscope.outputs import write_json
from flawscope.sdie import observation as seen
from flawscope.sdie.env import EnhancementEnv
from flawscope.sdie.presets import PRESETS
from flawscope.sdie.shots import Shot
from flawscope.segment import open_segmenter

SIDE, SEED, SHOTS = 200, 0, 5


class Clock:
    """Wraps functions and keeps their CPU times in ms."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed under ``name``."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            answer = function(*args, **kwargs)
            self.times.setdefault(name, []).append((time.process_time() - started) * 1e3)
            return answer

        return timed


def shots(segmenter: Any) -> list[Shot]:
    generator = np.random.default_rng(SEED)
    y, x = np.mgrid[:SIDE, :SIDE]
    made = []
    for number in range(SHOTS):
        centre = generator.integers(50, 150, 2)
        mask = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 30**2
        image = np.clip(generator.normal(110 + 40 * mask, 15), 0, 255).astype(np.uint8)
        made.append(Shot(image, mask, segmenter, source=f"synthetic-{number}"))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmenter", default="regions")
    parser.add_argument("--steps", type=int, default=200)
    told = parser.parse_args()
    cv2.setNumThreads(1)
    clock = Clock()
    segmenter: Any = open_segmenter(told.segmenter)
    real = segmenter.segment
    object.__setattr__(segmenter, "segment", clock.wrap("segmenter", real))
    FilterBank.filtered = clock.wrap("filters", FilterBank.filtered)  # type: ignore[method-assign]
    seen.marks = clock.wrap("marks of the mask", seen.marks)
    seen.filter_changes = clock.wrap("changes by the filters", seen.filter_changes)
    preset = PRESETS["default"]
    game = EnhancementEnv(
        shots(segmenter), bank(), rounds=preset.rounds, reward=preset.reward, observation=preset.observation
    )
    game.action_space.seed(SEED)
    game.reset(seed=SEED)
    steps = []
    for number in range(told.steps + 20):
        if number == 20:
            clock.times.clear()
        started = time.process_time()
        ended = game.step(game.action_space.sample())[2]
        if number >= 20:
            steps.append((time.process_time() - started) * 1e3)
        if ended:
            game.reset()
    report = {
        "machine": describe_machine(),
        "segmenter": told.segmenter,
        "bank": list(bank().names),
        "side": SIDE,
        "seed": SEED,
        "steps": told.steps,
        "step_ms": {"median": round(statistics.median(steps), 2), "min": round(min(steps), 2)},
        "parts_ms_per_step": {
            name: {"median": round(statistics.median(times), 2), "min": round(min(times), 2)}
            for name, times in sorted(clock.times.items())
        },
    }
    print(report)
    write_json(Path(__file__).parent / "results" / "sdie_step.json", report)


if __name__ == "__main__":
    main()
