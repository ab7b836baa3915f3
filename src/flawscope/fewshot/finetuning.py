"""The baseline without enhancement: a network of our own trained on the supports of a class, augmented.

It starts from random values, or from weights that never saw the material. A number of steps and not of minutes ends
it, so that the same seed gives the same network on any machine; 500 steps of 4 images at 128 px take about a minute
and a half of one CPU core.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flawscope.errors import MissingExtraError
from flawscope.fewshot.answers import Lesson, Plain, Responder
from flawscope.fewshot.materials import unseen_start
from flawscope.fewshot.preparing import Task, material_of_task
from flawscope.segment.base import Segmenter
from flawscope.segment.header import Header
from flawscope.segment.loading import LoadedSegmenter

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

from flawscope.segment.network import activate, build_network, finest, torch_device
from flawscope.segment.preprocess import normalise
from flawscope.train.augment import surface_augment
from flawscope.train.losses import HybridLoss
from flawscope.train.starting import start_from

SIDE, BATCH = 128, 4
_RATE, _DECAY, _WARM = 1e-3, 0.05, 0.1


@dataclass(frozen=True, eq=False)
class Tuned:
    """A trained network in memory; runs as any engine of ``flawscope.segment.loading``."""

    header: Header
    network: nn.Module
    at_once: int = 1

    @torch.inference_mode()
    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(n, 3, h, w)`` normalised to ``(n, 1, h, w)`` probabilities."""
        where = next(self.network.parameters()).device
        answer: npt.NDArray[np.float32] = (
            activate(finest(self.network(torch.from_numpy(batch).to(where)))).float().cpu().numpy()
        )
        return answer


def finetune(lesson: Lesson) -> Responder:
    """A network for each class.

    Raises:
        UsageError: unknown network, or starting weights that have seen the material.
        WeightsError: the starting weights cannot be used.
    """
    return Plain(
        {task.name: _tuned(task, number, lesson) for number, task in enumerate(lesson.tasks)},
        {
            "model": lesson.settings.finetune_model,
            "start": lesson.settings.finetune_weights or "random",
            "steps": lesson.settings.finetune_steps,
            "batch": BATCH,
            "imgsz": SIDE,
        },
    )


def _tuned(task: Task, number: int, lesson: Lesson) -> Segmenter:
    header = Header(model=lesson.settings.finetune_model, imgsz=(SIDE, SIDE), labels=("defect",))
    seed = int(np.random.SeedSequence([lesson.row.seed, number]).generate_state(1)[0])
    start = lesson.settings.finetune_weights
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if start is None:
            network = build_network(header)
        else:
            network, header = _started(start, task)
        network = network.to(torch_device(lesson.device))
        _learn(network, header, task, lesson.settings.finetune_steps)
    return LoadedSegmenter(Tuned(header, network.eval()), Path("finetune"), "finetune")


def _started(weights: str, task: Task) -> tuple[nn.Module, Header]:
    stored = unseen_start(weights, task.name, material_of_task(task))
    header = Header(
        model=stored.model,
        options=stored.options,
        imgsz=(SIDE, SIDE),
        mean=stored.mean,
        std=stored.std,
        labels=("defect",),
    )
    network = build_network(header)
    start_from(network, header, weights)
    return network, header


def _learn(network: nn.Module, header: Header, task: Task, steps: int) -> None:
    """AdamW with a warm-up and a cosine; ends with the moving average of the weights."""
    images = [torch.from_numpy(one.image.transpose(2, 0, 1).copy()) for one in task.supports]
    masks = [torch.from_numpy(one.mask[None].astype(np.float32)) for one in task.supports]
    augment, loss = surface_augment(SIDE, SIDE), HybridLoss()
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    where = next(network.parameters()).device
    average = copy.deepcopy(network)
    network.train()
    for step in range(steps):
        rise = min(1.0, (step + 1) / max(1.0, _WARM * steps))
        for group in optimizer.param_groups:
            group["lr"] = _RATE * rise * (0.01 + 0.99 * (1 + np.cos(np.pi * step / steps)) / 2)
        chosen = torch.randperm(len(images) * BATCH)[:BATCH] % len(images)
        pairs = [augment(images[index], masks[index]) for index in chosen.tolist()]
        inputs = torch.stack([_normal(image, header) for image, _ in pairs]).to(where)
        target = torch.stack([mask for _, mask in pairs]).to(where)
        optimizer.zero_grad()
        total = loss(network(inputs), target)
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _follow(average, network, min(0.98, (1 + step) / (10 + step)))
    network.load_state_dict(average.state_dict())


def _normal(image: Tensor, header: Header) -> Tensor:
    return torch.from_numpy(normalise(image.permute(1, 2, 0).numpy(), header))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(now, 1 - decay)
        else:
            kept.copy_(now)
