"""What a run was told, in its ``config.yaml``; read and checked without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from flawscope.errors import UsageError
from flawscope.outputs import write_text
from flawscope.train.settings import Recipe

Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that decides what a run does; written to ``config.yaml`` and read back on resuming.

    Attributes:
        data: what ``flawscope.data.open_data`` was given.
        layout, splits: likewise.
        binary: merge all classes into one.
        model: preset name.
        options: keyword arguments on top of the preset.
        recipe_name, recipe: how to optimise.
        seed: everything random follows from it.
        device: ``auto``, ``cpu``, ``cuda:0``.
        precision: ``auto`` is bf16 where the recipe wants it and the GPU or CPU multiplies it itself,
            otherwise fp32.
        weights: start from these Flawscope weights.
        teachers: learn also from what these Flawscope weights say, see ``train.teaching``.
        backbone_weights: start the backbone from a PVT-v2 or timm file.
        imagenet: ask timm for ImageNet weights of the backbone, and go on from scratch without.
        workers: processes that read ahead; 0 reads in the main one.
    """

    data: str
    model: str
    recipe_name: str
    recipe: Recipe
    layout: str = "auto"
    splits: str | None = None
    binary: bool = True
    options: dict[str, Any] | None = None
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    weights: str | None = None
    teachers: tuple[str, ...] = ()
    backbone_weights: str | None = None
    imagenet: bool = False
    workers: int = 0


def read_settings(folder: Path) -> RunSettings:
    """The settings of a run, from its ``config.yaml``; raises UsageError when there is none."""
    file = folder / "config.yaml"
    try:
        stored = yaml.safe_load(file.read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(stored.pop("recipe"))
        stored["teachers"] = tuple(stored.get("teachers", ()))
        return RunSettings(recipe=recipe, **stored)
    except FileNotFoundError as error:
        raise UsageError("no run to resume here", where=folder, remedy="Check --out") from error
    except (OSError, yaml.YAMLError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError("its config.yaml is damaged", where=file, remedy="Start a new run") from error


def write_settings(folder: Path, settings: RunSettings) -> None:
    """Into ``config.yaml``, from which the run can be resumed."""
    fields = {name: getattr(settings, name) for name in RunSettings.__slots__}
    fields["recipe"] = settings.recipe.model_dump(mode="json")
    fields["teachers"] = list(settings.teachers)
    write_text(folder / "config.yaml", yaml.safe_dump(fields, sort_keys=False))


def refuse_a_run(folder: Path) -> None:
    """Raise UsageError when the folder already holds a run."""
    if (folder / "config.yaml").exists():
        raise UsageError(
            "this folder already holds a run",
            where=folder,
            remedy="Add --resume to go on with it, or choose another --out",
        )


def already_finished(folder: Path, settings: RunSettings) -> str | None:
    """One line when there is nothing left to train in a run; None when there is, or when it was cut short.

    Args:
        folder: the run folder.
        settings: of the run, with the epochs now wanted.
    """
    try:
        ended = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        epochs, early = int(ended["epochs"]), bool(ended.get("stopped_early", False))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # cut short: only the end of a run writes this file
    if early:
        return (
            f"already finished at epoch {epochs}, stopped early; a new run with --patience 0 goes on longer"
        )
    if epochs >= settings.recipe.epochs:
        return f"already finished at epoch {epochs}; raise it with --epochs"
    return None
