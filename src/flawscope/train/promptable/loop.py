"""The training loop: AdamW, averaged weights, and checkpoints from which a killed run goes on to the same end."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flawscope.errors import UsageError
from flawscope.outputs import atomic
from flawscope.train.promptable.batches import Batch, Source, make_batch
from flawscope.train.promptable.decoding import decode, embed_masks, embed_tokens
from flawscope.train.promptable.loss import promptable_loss
from flawscope.train.promptable.materials import Picture
from flawscope.train.promptable.preset import Preset, build

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one stage is trained.

    Attributes:
        preset: sizes of the model.
        steps: of the optimiser.
        images: a step.
        prompts: an image.
        rate: the highest learning rate.
        last: share of it at the end; in between a cosine.
        warm_up: steps from nothing to ``rate``.
        decay: of AdamW.
        memory: decay of the averaged weights, at most; early steps forget faster.
        seed: everything random follows from it and the step.
        half: compute in bfloat16 where autocast does so.
        compiled: through ``torch.compile``, which needs a C++ compiler and some minutes once.
        keep_every: steps between checkpoints.
        log_every: steps between lines of the log.
        validate_every: steps between validations.
    """

    preset: Preset = Preset()  # noqa: RUF009  (frozen)
    steps: int = 2000
    images: int = 4
    prompts: int = 8
    rate: float = 1.6e-3
    last: float = 0.4
    warm_up: int = 80
    decay: float = 0.05
    memory: float = 0.998
    seed: int = 0
    half: bool = True
    compiled: bool = True
    keep_every: int = 150
    log_every: int = 25
    validate_every: int = 400


Validate = Callable[[Any], dict[str, float]]
AfterCheckpoint = Callable[[int, Any], None]


def train(
    folder: Path,
    settings: Settings,
    sources: Sequence[Source],
    textures: Sequence[Picture],
    *,
    start: dict[str, Tensor] | None = None,
    validation: Validate | None = None,
    after_checkpoint: AfterCheckpoint | None = None,
) -> Any:
    """Train, or go on from the checkpoint in ``folder``, and return the ``SamModel`` with averaged weights.

    Args:
        folder: of the run; gets ``checkpoint.pt`` and ``log.jsonl``.
        settings: must be those of the checkpoint if there is one.
        sources: what scenes are made of.
        textures: what is laid on them.
        start: weights to begin with instead of fresh ones.
        validation: figures of a model for the log.
        after_checkpoint: called with the step and the averaged model, for interim copies.

    Raises:
        UsageError: the checkpoint in ``folder`` has other settings.
    """
    run = _Run(settings, start)
    run.resume(folder / CHECKPOINT)
    began, done_before = time.perf_counter(), run.step
    total = 0.0
    while run.step < settings.steps:
        preset = settings.preset
        batch = make_batch(
            sources, textures, preset.side, settings.images, settings.prompts, settings.seed, run.step
        )
        total += run.advance(batch)
        if run.step % settings.log_every == 0 or run.step == settings.steps:
            pace = (time.perf_counter() - began) / (run.step - done_before)
            line: dict[str, Any] = {
                "step": run.step,
                "loss": round(total / settings.log_every, 4),
                "seconds_a_step": round(pace, 3),
            }
            total = 0.0
            if validation is not None and (
                run.step % settings.validate_every == 0 or run.step == settings.steps
            ):
                line["validation"] = validation(run.averaged_model())
            _log(folder, line)
        if run.step % settings.keep_every == 0 or run.step == settings.steps:
            run.keep(folder / CHECKPOINT)
            if after_checkpoint is not None:
                after_checkpoint(run.step, run.averaged_model())
    return run.averaged_model()


class _Run:
    """Weights, their average, optimiser and step."""

    def __init__(self, settings: Settings, start: dict[str, Tensor] | None) -> None:
        self.settings = settings
        self.net = build(settings.preset, settings.seed)
        if start is not None:
            self.net.load_state_dict(start)
        self.net.train()
        # Attention of a few prompt tokens is faster spelled out than through the fused kernel.
        self.net.config.mask_decoder_config._attn_implementation = "eager"
        self.step = 0
        self.learnt = [weight for weight in self.net.parameters() if weight.requires_grad]
        self.average = [weight.detach().clone() for weight in self.learnt]
        matrices = [weight for weight in self.learnt if weight.ndim > 1]
        others = [weight for weight in self.learnt if weight.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}],
            lr=settings.rate,
            betas=(0.9, 0.98),
        )
        self._encode: Callable[..., Any] = self._encoded
        self._judge: Callable[..., Any] = self._judged
        if settings.compiled:
            self._encode = torch.compile(self._encoded, dynamic=False)
            self._judge = torch.compile(self._judged, dynamic=False)

    def advance(self, batch: Batch) -> float:
        """One step of the optimiser; returns the loss."""
        rate = self.settings.rate * rate_share(self.step, self.settings)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        half = torch.autocast("cpu", torch.bfloat16) if self.settings.half else contextlib.nullcontext()
        with half:
            embedding = self._encode(batch.pixels)
            loss = self._judge(
                embedding, batch.places, batch.kinds, batch.masks, batch.masked, batch.target, batch.inside
            )
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learnt, 1.0)
        self.optimiser.step()
        self.step += 1
        memory = min(self.settings.memory, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [weight.detach() for weight in self.learnt], 1 - memory)
        return float(loss.detach())

    def averaged_model(self) -> Any:
        """A copy of the model with averaged weights, for use."""
        net = build(self.settings.preset, self.settings.seed)
        net.load_state_dict(self.net.state_dict())
        learnt = [weight for weight in net.parameters() if weight.requires_grad]
        with torch.no_grad():
            for weight, average in zip(learnt, self.average, strict=True):
                weight.copy_(average)
        return net.eval()

    def keep(self, file: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        content = {
            "settings": _described(self.settings),
            "step": self.step,
            "weights": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        with atomic(file) as temporary:
            torch.save(content, temporary)

    def resume(self, file: Path) -> None:
        """Take up the checkpoint, if there is one."""
        if not file.is_file():
            return
        content = torch.load(file, weights_only=True, map_location="cpu")
        if content["settings"] != _described(self.settings):
            raise UsageError(
                "a run with other settings is in this folder", where=file, remedy="Choose another folder"
            )
        self.net.load_state_dict(content["weights"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.average = content["average"]
        self.step = content["step"]

    def _encoded(self, pixels: Tensor) -> Any:
        return self.net.vision_encoder(pixels)[0]

    def _judged(
        self,
        embedding: Tensor,
        places: Tensor,
        kinds: Tensor,
        masks: Tensor,
        masked: Tensor,
        target: Tensor,
        inside: Tensor,
    ) -> Tensor:
        each = embedding.repeat_interleave(len(target) // len(embedding), 0)
        tokens, dense = embed_tokens(self.net, places, kinds), embed_masks(self.net, masks, masked)
        logits, quality = decode(self.net, each, tokens, dense)
        return promptable_loss(logits, quality, target, inside)


def rate_share(step: int, settings: Settings) -> float:
    """The learning rate as a share of the highest: up in a line, down in half a cosine to ``last``."""
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return settings.last + (1 - settings.last) * 0.5 * (1 + math.cos(math.pi * along))


def _described(settings: Settings) -> str:
    return json.dumps(asdict(settings), sort_keys=True)


def _log(folder: Path, line: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
