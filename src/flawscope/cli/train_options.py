"""Options of ``train``: those that need reading, and which of them a resumed run may change."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flawscope.errors import UsageError

if TYPE_CHECKING:
    from flawscope.train.run_settings import RunSettings


def read_class_weights(text: str) -> str | tuple[float, ...]:
    """``equal``, ``balanced``, or numbers with commas between them; raises UsageError."""
    if text in ("equal", "balanced"):
        return text
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            "not 'equal', 'balanced' or numbers", where=f"--class-weights {text}", remedy="For example: 1,5"
        ) from error


def read_options(pairs: list[str], option: str = "--option", example: str = "-O width=96") -> dict[str, Any]:
    """``NAME=VALUE`` pairs, values as in YAML; raises UsageError."""
    import yaml

    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError("not of the form NAME=VALUE", where=f"{option} {pair}", remedy=f"Try {example}")
        options[name] = yaml.safe_load(value)
    return options


def read_recipe_fields(pairs: list[str]) -> dict[str, Any]:
    """Fields of the recipe from ``NAME=VALUE``; raises UsageError for one that no recipe has."""
    from flawscope.train.settings import Recipe

    fields = read_options(pairs, "--set", "--set cut_mix=0.5")
    for name in fields:
        if name not in Recipe.model_fields:
            near = difflib.get_close_matches(name, Recipe.model_fields, 1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(Recipe.model_fields)}"
            raise UsageError("a recipe has no such field", where=f"--set {name}", remedy=remedy)
    return fields


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user wrote this option, even with the value it has anyway."""
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def refuse_changes(context: typer.Context, settings: RunSettings, folder: Path) -> None:
    """Raise UsageError when the user gave an option that differs from what the run was begun with.

    Epochs, minutes, device and workers may change: they alter how long and where, not what is learnt.
    """
    recipe = settings.recipe
    begun: dict[str, Any] = {
        "data": settings.data,
        "model": settings.model,
        "recipe": settings.recipe_name,
        "splits": settings.splits,
        "layout": settings.layout,
        "multiclass": not settings.binary,
        "weights": settings.weights,
        "teacher": list(settings.teachers),
        "backbone_weights": settings.backbone_weights,
        "imagenet": settings.imagenet,
        "batch": recipe.batch,
        "imgsz": recipe.imgsz,
        "lr": recipe.lr,
        "patience": recipe.patience or 0,
        "validate_every": recipe.validate_every or 0,
        "class_weights": recipe.class_weights,
        "option": settings.options or {},
        "seed": settings.seed,
        "precision": settings.precision,
    }
    wrong = []
    for name, value in begun.items():
        if is_given(context, name) and _asked(context, name) != value:
            wrong.append((f"--{name.replace('_', '-')}", value))
    kept = recipe.model_dump()
    wrong += [
        ("--set", {name: kept[name]})
        for name, value in read_recipe_fields(context.params["fields"] or []).items()
        if kept[name] != value
    ]
    if wrong:
        told = ", ".join(_told(option, value) for option, value in wrong)
        raise UsageError(
            f"the run was begun {told}, and cannot change when resumed",
            where=folder,
            remedy=f"Leave out {', '.join(option for option, _ in wrong)}, or start a new run in another --out",
        )


def _asked(context: typer.Context, name: str) -> Any:
    value = context.params[name]
    if name == "class_weights":
        return read_class_weights(value)
    if name == "option":
        return read_options(list(value))
    return value


def _told(option: str, value: Any) -> str:
    if value is None or value is False or value in ({}, []):
        return f"without {option}"
    if value is True:
        return f"with {option}"
    if isinstance(value, dict):
        return "with " + " ".join(f"{option} {name}={setting}" for name, setting in value.items())
    if isinstance(value, tuple):
        value = ",".join(f"{number:g}" for number in value)
    return f"with {option} {value}"
