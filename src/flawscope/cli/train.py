"""The verb ``train``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.cli.train_options import (
    is_given,
    read_class_weights,
    read_options,
    read_recipe_fields,
    refuse_changes,
)
from flawscope.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from flawscope.train.run_settings import RunSettings


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("train")(train)


def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option(help="Dataset folder, dataset.yaml or annotation file.")] = None,
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/train"),
    model: Annotated[
        str | None,
        typer.Option(
            help="Preset, see 'flawscope models list', or a library's, such as smp:unet:resnet18. By default that "
            "of --weights, else ocinet-tiny."
        ),
    ] = None,
    recipe: Annotated[str, typer.Option(help="'default', or 'paper' for OCINet's own.")] = "default",
    splits: Annotated[str | None, typer.Option(help="Split file (JSON).")] = None,
    layout: Annotated[str, typer.Option(help="Layout of the dataset, see 'flawscope data list'.")] = "auto",
    multiclass: Annotated[
        bool, typer.Option("--multiclass", help="Keep the classes apart instead of merging them.")
    ] = False,
    weights: Annotated[
        str | None, typer.Option(help="Start from these weights: a run folder, a file or a shipped name.")
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Learn also from what these weights say; repeat it for the mean of several."),
    ] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help="Start the backbone from a PVT-v2 release file or timm's.")
    ] = None,
    imagenet: Annotated[
        bool, typer.Option(help="Ask for ImageNet weights of the backbone; without them, from scratch.")
    ] = True,
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Network input, pixels (square).")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    patience: Annotated[int | None, typer.Option(help="Early stopping; 0 never stops early.")] = None,
    validate_every: Annotated[int | None, typer.Option(help="Epochs; 0 never validates.")] = None,
    class_weights: Annotated[
        str | None, typer.Option(help="'equal', 'balanced', or numbers for background and each class.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-O", help="Model option NAME=VALUE, repeatable.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Any other field of the recipe, NAME=VALUE, repeatable: see docs/training.md."
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after the epoch that passes them.")] = None,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:0.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    workers: Annotated[int, typer.Option(help="Processes that read ahead.", min=0)] = 0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out, as it was begun; only epochs, minutes, device and workers may change.",
        ),
    ] = False,
    test: Annotated[
        bool,
        typer.Option(
            "--test", help="Then evaluate on the test split, into OUT/test (recipe paper: its protocol)."
        ),
    ] = False,
    json_target: JsonOption = None,
) -> None:
    """Train a network on a dataset.

    The run folder holds config.yaml, env.json, data.lock.json, metrics.csv, weights/{best,last}.safetensors,
    plots/ and model_card.md. Ctrl-C, a kill or a power cut lose at most the epoch under way: --resume goes on and
    ends as if nothing had happened.
    """
    # Mistakes are told before torch and lightning load, which takes seconds.
    from flawscope.data.samples import open_data
    from flawscope.nets.library_names import check_model
    from flawscope.segment.loading import check_device
    from flawscope.train.run_settings import RunSettings, already_finished, read_settings, refuse_a_run
    from flawscope.train.settings import change_recipe, make_recipe
    from flawscope.train.trainable import trainable_weights

    if resume:
        settings = read_settings(out)
        refuse_changes(context, settings, out)
        if epochs is not None:
            settings = replace(settings, recipe=change_recipe(settings.recipe, {"epochs": epochs}))
        if is_given(context, "device"):
            settings = replace(settings, device=device)
        if is_given(context, "workers"):
            settings = replace(settings, workers=workers)
    else:
        if data is None:
            raise UsageError("nothing to train on", where="--data", remedy="Name a dataset: --data DIR")
        if precision not in ("auto", "fp32", "bf16", "fp16"):
            raise UsageError(
                "not a precision", where=f"--precision {precision}", remedy="Use auto, fp32, bf16 or fp16"
            )
        changes = {
            "epochs": epochs,
            "batch": batch,
            "imgsz": imgsz,
            "lr": lr,
            "patience": patience,
            "validate_every": validate_every,
            "class_weights": None if class_weights is None else read_class_weights(class_weights),
        }
        given: dict[str, Any] = read_recipe_fields(fields or [])
        given |= {name: value for name, value in changes.items() if value is not None}
        for name in ("patience", "validate_every"):
            if given.get(name) == 0:
                given[name] = None
        chosen, options = _network(model, read_options(option or []), weights)
        settings = RunSettings(
            data=data,
            layout=layout,
            splits=splits,
            binary=not multiclass,
            model=chosen,
            options=options,
            recipe_name=recipe,
            recipe=make_recipe(recipe, given),
            seed=seed,
            device=device,
            precision=precision,  # type: ignore[arg-type]
            weights=weights,
            teachers=tuple(teacher or ()),
            backbone_weights=backbone_weights,
            imagenet=imagenet,
            workers=workers,
        )
        refuse_a_run(out)
    check_model(settings.model)
    check_device(settings.device)
    for start in (settings.weights, *settings.teachers):
        if start is not None:
            trainable_weights(start)
    out_console = console(json_target)
    opened = open_data(settings.data, layout=settings.layout, splits=settings.splits)
    if test:
        opened.split("test")  # its absence is better told now than after hours
    try:
        from flawscope.train.run import train as run_training
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train") from error

    finished = already_finished(out, settings) if resume else None
    if finished is not None:
        out_console.print(finished, markup=False)
    elif settings.binary and len(opened.labels) > 1:
        merged = opened.binary().labels[0]
        out_console.print(
            f"{len(opened.labels)} classes merged into '{merged}'; keep them apart with --multiclass",
            markup=False,
        )
    try:
        summary = run_training(
            settings,
            opened,
            out,
            resume=resume,
            minutes=minutes,
            progress=sys.stderr.isatty() and json_target != "-",
            say=lambda line: out_console.print(line, markup=False),
        )
    except KeyboardInterrupt:
        out_console.print(f"stopped; go on with: flawscope train --resume --out {out}", markup=False)
        raise
    out_console.print(f"weights: {summary.weights}", markup=False)
    if not test:
        out_console.print(_next_command(settings, summary.weights), markup=False)
    emit_json(
        "train",
        1,
        {
            "folder": summary.folder,
            "weights": summary.weights,
            "epochs": summary.epochs,
            "best_epoch": summary.best_epoch,
            "val_score": summary.val_score,
            "threshold": summary.threshold,
            "seconds": round(summary.seconds, 1),
        },
        json_target,
    )
    if test:
        # Standard output may hold the JSON report, and nothing else then.
        with contextlib.redirect_stdout(sys.stderr if json_target == "-" else sys.stdout):
            _evaluate(settings, summary.weights, out / "test")


def _evaluate(settings: RunSettings, weights: Path, out: Path) -> None:
    from flawscope.cli.evaluate import evaluate_command

    evaluate_command(
        weights=str(weights),
        data=settings.data,
        splits=None if settings.splits is None else Path(settings.splits),
        split="test",
        layout=settings.layout,
        protocol="ocinet" if settings.recipe_name == "paper" else "standard",
        out=out,
        device=settings.device,
    )


def _next_command(settings: RunSettings, weights: Path) -> str:
    parts = [f"flawscope evaluate --weights {weights} --data {settings.data}"]
    if settings.splits is not None:
        parts.append(f"--splits {settings.splits}")
    if settings.recipe_name == "paper":
        parts.append("--protocol ocinet")
    return "measure it with: " + " ".join(parts)


def _network(model: str | None, options: dict[str, Any], weights: str | None) -> tuple[str, dict[str, Any]]:
    """What to build: as told, or as the weights to start from are."""
    from flawscope.segment.header import read_safetensors_header
    from flawscope.train.trainable import trainable_weights

    if model is not None:
        return model, options
    if weights is None:
        return "ocinet-tiny", options
    stored = read_safetensors_header(trainable_weights(weights))
    return stored.model, options or stored.options
