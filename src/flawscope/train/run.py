"""One training run: its folder, its network, its Lightning trainer, and how it is resumed."""

from __future__ import annotations

import logging
import platform
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import RichProgressBar
from torch import nn
from torch.utils.data import DataLoader

from flawscope import __version__
from flawscope.data.samples import SegmentationData
from flawscope.errors import FlawscopeError, UsageError, WeightsError
from flawscope.machine import commit
from flawscope.nets import build, load_backbone_weights
from flawscope.outputs import write_json, write_text
from flawscope.segment.header import Header, read_safetensors_header
from flawscope.segment.loading import check_device
from flawscope.segment.network import torch_device
from flawscope.train.augment import resize_only, surface_augment
from flawscope.train.averaging import MovingAverage
from flawscope.train.class_weights import balanced_weights
from flawscope.train.dataset import EpochSampler, TrainingSet, ValidationSet
from flawscope.train.holdout import train_and_validation
from flawscope.train.lock import lock_data
from flawscope.train.model_card import model_card
from flawscope.train.module import SegmentationModule
from flawscope.train.recorder import RunRecorder, Say
from flawscope.train.run_settings import Precision, RunSettings, refuse_a_run, write_settings
from flawscope.train.starting import start_from
from flawscope.train.teaching import open_teachers
from flawscope.train.trainable import trainable_weights


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        folder: the run folder.
        weights: the weights to use, best by validation or else the last.
        epochs: finished epochs.
        best_epoch: counted from 1; None without validation.
        val_score: the figure by which the weights were chosen; None without validation.
        threshold: calibrated on validation, 0.5 without.
        seconds: training time, resumed parts included.
    """

    folder: Path
    weights: Path
    epochs: int
    best_epoch: int | None
    val_score: float | None
    threshold: float
    seconds: float


def train(
    settings: RunSettings,
    data: SegmentationData,
    folder: Path,
    *,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    say: Say = print,
) -> RunSummary:
    """Train, or go on training, in ``folder``.

    Args:
        settings: of a new run, or as read from the folder's ``config.yaml``.
        data: opened as the settings say.
        folder: the run folder; must not hold a run yet unless ``resume``.
        resume: go on from the end of the last finished epoch.
        minutes: stop at the end of the epoch that passes this much training time.
        progress: show a progress bar.
        say: where lines for people go.

    Raises:
        FlawscopeError: unusable data, weights, settings or folder.
        KeyboardInterrupt: stopped by the user; the folder can be resumed.
    """
    recipe = settings.recipe
    if settings.binary:
        data = data.binary()
    training, validation = train_and_validation(
        data, validate=recipe.validate_every is not None, seed=settings.seed
    )
    header = Header(
        model=settings.model,
        options=settings.options or {},
        imgsz=(recipe.imgsz, recipe.imgsz),
        labels=data.labels,
        provenance={
            "dataset": data.name,
            "training_images": len(training),
            "recipe": settings.recipe_name,
            "seed": settings.seed,
            "flawscope": __version__,
            "commit": commit(),
            **_started_from(settings.weights),
            **_taught_by(settings.teachers),
        },
    )
    # Mistakes are found before the folder becomes a run: a second try may then use the same --out.
    _device(settings.device)
    weights = _class_weights(recipe.class_weights, training)
    lightning.seed_everything(settings.seed, verbose=False)
    network = _network(settings, header, say)
    lock = lock_data(training, validation)
    if resume:
        lock.check(folder)
    else:
        refuse_a_run(folder)
        lock.write(folder)
        write_json(folder / "env.json", environment())
    # last, because its presence makes the folder a run that can be resumed
    write_settings(folder, settings)
    augment = (
        surface_augment(*header.imgsz, recipe.least_crop, recipe.dead_pixels)
        if recipe.augment == "surface"
        else resize_only(*header.imgsz)
    )
    dataset = TrainingSet(
        training,
        header,
        augment,
        seed=settings.seed,
        copies=recipe.copies,
        defect_share=recipe.defect_share,
    )
    module = SegmentationModule(
        network,
        header,
        recipe,
        class_weights=weights,
        seed=settings.seed,
        steps_per_epoch=max(1, len(dataset) // recipe.batch),
        teachers=open_teachers(settings.teachers, header) if settings.teachers else None,
    )
    average = None if recipe.ema is None else MovingAverage(recipe.ema)
    recorder = RunRecorder(folder, say, minutes=minutes, average=average)
    held = "" if validation is None else f", validating on {len(validation)}"
    parameters = sum(parameter.numel() for parameter in network.parameters())
    say(f"{settings.model}: {parameters:,} parameters, training on {len(training)} images{held}")
    callbacks: list[lightning.Callback] = [recorder] if average is None else [recorder, average]
    state = recorder.resume_file if resume and recorder.resume_file.exists() else None
    _fit(settings, module, callbacks, dataset, validation, progress=progress, state=state)
    return _finish(folder, settings, recorder)


def environment() -> dict[str, Any]:
    """Versions and machine of this run."""
    import timm

    return {
        "flawscope": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "lightning": lightning.__version__,
        "timm": timm.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "command": sys.argv,
    }


def _network(settings: RunSettings, header: Header, say: Say) -> nn.Module:
    options = header.options
    network: nn.Module
    if settings.imagenet and settings.weights is None and settings.backbone_weights is None:
        try:
            network = build(header.model, channels=header.channels, imagenet=True, **options)
            say("backbone: ImageNet weights")
        except WeightsError as error:
            say(f"backbone: from scratch ({error})")
            network = build(header.model, channels=header.channels, **options)
    else:
        network = build(header.model, channels=header.channels, **options)
    if settings.backbone_weights is not None:
        load_backbone_weights(network, settings.backbone_weights)
        say(f"backbone: weights of {settings.backbone_weights}")
    if settings.weights is not None:
        say(start_from(network, header, settings.weights))
    return network


def _started_from(weights: str | None) -> dict[str, Any]:
    """What the weights that a run starts from say of themselves, and of their own start."""
    if weights is None:
        return {}
    file = trainable_weights(weights)
    return {"started_from": {"weights": file.name, **read_safetensors_header(file).provenance}}


def _taught_by(teachers: tuple[str, ...]) -> dict[str, Any]:
    """What the teachers of a run say of themselves."""
    files = [trainable_weights(weights) for weights in teachers]
    return {"taught_by": [read_safetensors_header(file).provenance for file in files]} if files else {}


def _class_weights(wanted: str | tuple[float, ...], training: SegmentationData) -> tuple[float, ...] | None:
    if wanted == "equal":
        return None
    if wanted == "balanced":
        return balanced_weights(training)
    assert not isinstance(wanted, str)
    if len(wanted) != len(training.labels) + 1:
        raise UsageError(
            f"{len(wanted)} numbers given for {len(training.labels) + 1} classes",
            where="--class-weights",
            remedy=f"Give one for background and one for each of: {', '.join(training.labels)}",
        )
    return wanted


def _fit(
    settings: RunSettings,
    module: SegmentationModule,
    callbacks: list[lightning.Callback],
    dataset: TrainingSet,
    validation: SegmentationData | None,
    *,
    progress: bool,
    state: Path | None,
) -> None:
    recipe = settings.recipe
    loader = DataLoader(
        dataset,
        batch_size=min(recipe.batch, len(dataset)),
        sampler=EpochSampler(len(dataset), settings.seed),
        drop_last=True,  # batch statistics of a last batch of one would be meaningless
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
    )
    held = None
    if validation is not None:
        held = DataLoader(ValidationSet(validation, module.header), batch_size=4, collate_fn=list)
    if progress:
        callbacks = [*callbacks, RichProgressBar(leave=False)]
    accelerator, devices = _device(settings.device)
    with _quiet():
        trainer = lightning.Trainer(
            accelerator=accelerator,
            devices=devices,
            precision=_precision(settings.precision, accelerator, mixed=recipe.mixed_precision),
            max_epochs=recipe.epochs,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            num_sanity_val_steps=0,
            check_val_every_n_epoch=recipe.validate_every or 1,
            log_every_n_steps=1,
        )
        before = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, loader, held, ckpt_path=state, weights_only=True if state else None)
        except SystemExit as error:  # Lightning turns Ctrl-C into an exit of its own
            signal.signal(signal.SIGINT, before)
            raise KeyboardInterrupt from error
        except torch.OutOfMemoryError as error:
            raise UsageError(
                "the accelerator ran out of memory", remedy="Use a smaller --batch or --imgsz"
            ) from error


def _device(name: str) -> tuple[str, Any]:
    check_device(name)
    device = torch_device(name)
    return ("gpu", [device.index or 0]) if device.type == "cuda" else ("cpu", 1)


def _precision(wanted: Precision, accelerator: str, *, mixed: bool) -> Any:
    if wanted == "auto":
        return "bf16-mixed" if mixed and _has_bf16(accelerator) else "32-true"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[wanted]


def _has_bf16(accelerator: str) -> bool:
    """Whether the hardware multiplies bfloat16 itself; emulation would be slower than 32 bits."""
    if accelerator == "gpu":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    read: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)  # not in older torch
    capabilities = read()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


class _quiet(warnings.catch_warnings):  # noqa: N801 - used like a function
    """Silence Lightning's remarks on choices made here on purpose (no workers, no logger, short epochs)."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("ignore", module="torch.*")
        return entered


def _finish(folder: Path, settings: RunSettings, recorder: RunRecorder) -> RunSummary:
    best, last = (folder / "weights" / f"{name}.safetensors" for name in ("best", "last"))
    weights = best if best.exists() else last
    if not weights.exists():
        raise FlawscopeError("the run ended before its first epoch did", where=folder)
    header = read_safetensors_header(weights)
    validated = best.exists()
    summary = RunSummary(
        folder=folder,
        weights=weights,
        epochs=len(recorder.history),
        best_epoch=recorder.best_epoch if validated else None,
        val_score=recorder.best_score if validated else None,
        threshold=header.threshold,
        seconds=recorder.seconds,
    )
    write_json(
        folder / "metrics.json",
        {
            "schema": "flawscope/run/1",
            "model": settings.model,
            "recipe": settings.recipe_name,
            "seed": settings.seed,
            "epochs": summary.epochs,
            "stopped_early": recorder.stopped_early,
            "best_epoch": summary.best_epoch,
            "val_score": summary.val_score,
            "threshold": summary.threshold,
            "seconds": round(summary.seconds, 1),
            "validation": header.provenance.get("validation"),
        },
    )
    write_text(folder / "model_card.md", model_card(header, settings, summary))
    return summary
