"""The verb ``fewshot``: the few-shot study, its page, and the short path from a few photographs to an enhancer."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.fewshot_learn import learn
from flawscope.cli.output import JsonOption, console, emit_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flawscope.fewshot.tasks import Source


class ChoiceOption(enum.StrEnum):
    """Which round is kept."""

    last = "last"
    critic = "critic"
    quality = "quality"
    likeness = "likeness"
    agreement = "agreement"
    oracle = "oracle"


class ScopeOption(enum.StrEnum):
    """What shares one mix or agent."""

    all = "all"
    each = "class"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    fewshot = typer.Typer(
        help="Learn from 1 to 5 labelled images, and measure how well that works.", no_args_is_help=True
    )
    fewshot.command("learn")(learn)
    fewshot.command("run")(run)
    fewshot.command("report")(report)
    app.add_typer(fewshot, name="fewshot")


def run(
    manifest: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A few-shot manifest (JSON); repeat it for more."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of manifests: FSSD-12 or Surface-Defect-4i.")
    ] = None,
    fold: Annotated[
        list[int] | None,
        typer.Option(
            help="Of --data: a published fold, 1 to 3; repeat it for more. Default: all classes at once."
        ),
    ] = None,
    support_seed: Annotated[
        int | None, typer.Option(min=0, help="Of --data: draw the supports. Default: the first by file name.")
    ] = None,
    shots: Annotated[int, typer.Option(min=1, help="Support images of each class.")] = 5,
    segmenter: Annotated[
        str,
        typer.Option(
            help="regions, grabcut, promptable, promptable:NAME, sam:FOLDER, prototype or network:WEIGHTS."
        ),
    ] = "regions",
    prompted: Annotated[
        bool | None,
        typer.Option(
            "--prompted/--no-prompted",
            help="Prompt it from the supports. Default: grabcut and promptable only.",
        ),
    ] = None,
    prompt_use: Annotated[
        str, typer.Option(help="Which prompts: points, boxes, mask, with commas.")
    ] = "points,boxes,mask",
    prompt_features: Annotated[
        str, typer.Option(help="What images are compared by: filters, embedding, both.")
    ] = "filters",
    method: Annotated[
        str,
        typer.Option(
            help="raw, best-single, search, cma, td3, prototype, finetune, pick-of-30, best-of-30, with commas."
        ),
    ] = "raw,best-single,search,cma,td3,prototype,finetune",
    maps: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A row for somebody's maps: DIR/<class>/<stem>.png; repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often methods with chance in them are run.")] = 3,
    choice: Annotated[
        ChoiceOption | None,
        typer.Option(help="Which round stands for a method in the differences; all are in the table."),
    ] = None,
    scope: Annotated[
        ScopeOption, typer.Option(help="One mix or agent for all classes, or one a class.")
    ] = ScopeOption.all,
    bank: Annotated[str | None, typer.Option(help="default, all or paper. Default: as the preset.")] = None,
    filters: Annotated[
        str | None, typer.Option(help="Filters of the bank, with commas between them.")
    ] = None,
    adjustable: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER.PARAMETER=LOW:HIGH",
            help="Parameters that the agent sets too, such as wls.lambda_=0.1:10, with commas.",
        ),
    ] = None,
    kernel_size: Annotated[
        int | None, typer.Option(help="Windows of the filters: 3, 5, 7, 9 or 11 pixels.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="T. Default: the preset's.")] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Segmenter calls of a search and steps of the agent. Default: the preset's steps; for a search also "
            "the calls that the agent's shipped start cost.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop the training of each agent's row after so many.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Of the agent: default or paper.")] = "default",
    backbone_weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="ImageNet weights (resnet18) of the preset paper. Default: random values."
        ),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Only these classes, with commas between them.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first query images of each class.")
    ] = None,
    finetune_steps: Annotated[
        int, typer.Option(min=1, help="Batches for each network; 500 take about 1.5 minutes.")
    ] = 500,
    finetune_model: Annotated[str, typer.Option(help="Preset of 'flawscope models list'.")] = "ocinet-nano",
    finetune_weights: Annotated[
        str | None,
        typer.Option(help="What it starts from, if it never saw the material. Default: random values."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the study; the same options go on with it.")] = Path(
        "runs/fewshot"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> int:
    """Compare methods on few-shot tasks, row by row; a row is one manifest, method and seed.

    Every finished row is kept in --out at once. The same command goes on where it was stopped; methods, seeds and
    manifests may be added. Exit code: 0 all rows were made, 2 some failed (each is told in one line) or the options
    do not fit together, 130 interrupted.
    """
    from flawscope.fewshot.segmenters import needs_prompts
    from flawscope.fewshot.settings import DEFAULT_CHOICE, bank_of, make_study, rows_of
    from flawscope.fewshot.store import RunFolder
    from flawscope.fewshot.study import Study
    from flawscope.fewshot.table import table
    from flawscope.segment.loading import check_device

    check_device(device)
    methods = _listed(method) + (["maps"] if maps and "maps" not in _listed(method) else [])
    rows = rows_of(_sources(manifest, data, fold, support_seed), methods, seeds, maps or [])
    settings = make_study(
        shots=shots,
        segmenter=segmenter,
        prompted=needs_prompts(segmenter) if prompted is None else prompted,
        prompt_use=_listed(prompt_use),
        prompt_features=prompt_features,
        scope=scope.value,
        bank=bank or bank_of(preset),
        filters=None if filters is None else _listed(filters),
        adjustable=() if adjustable is None else _listed(adjustable),
        kernel_size=kernel_size,
        rounds=rounds,
        budget=budget,
        minutes=minutes,
        preset=preset,
        backbone_weights=backbone_weights,
        classes=[] if classes is None else _listed(classes),
        limit=limit,
        finetune_steps=finetune_steps,
        finetune_model=finetune_model,
        finetune_weights=finetune_weights,
    )
    screen = console(json_file)
    study = Study(settings, RunFolder(out), device)
    study.check(rows)
    outcome = study.run(rows, say=lambda line: screen.print(line, markup=False))
    report = {
        "settings": settings.model_dump(mode="json"),
        "seeds": seeds,
        "failures": list(outcome.failures),
        "interrupted": outcome.interrupted,
        **table(outcome.finished, DEFAULT_CHOICE if choice is None else choice.value),
    }
    from flawscope.cli.fewshot_table import print_study

    print_study(screen, report)
    emit_json("fewshot", 1, report, json_file)
    if outcome.interrupted:
        screen.print(f"stopped; the same command goes on, finished rows are in {out}", markup=False)
        return 130
    screen.print(f"page: flawscope fewshot report {out} --out page.html", markup=False)
    return 2 if outcome.failures else 0


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of 'flawscope fewshot run'.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("fewshot.html"),
    choice: Annotated[ChoiceOption | None, typer.Option(help="Which round is shown and compared.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Whose pictures are shown. Default: td3, else the best search.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="The table of these classes alone, with commas between them.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Write one page of a study: table, pictures of each class, return curves.

    --json holds the table of every finished row, as that of 'run' does of the rows it was told to make. With
    --classes the figures of page and table are those of these classes; what a row cost is told for all its classes.
    """
    from flawscope.fewshot.page import write_page
    from flawscope.fewshot.part import of_classes
    from flawscope.fewshot.settings import DEFAULT_CHOICE
    from flawscope.fewshot.store import RunFolder
    from flawscope.fewshot.table import table

    shown, kept = DEFAULT_CHOICE if choice is None else choice.value, RunFolder(folder)
    rows = kept.finished()
    if classes is not None:
        rows = of_classes(rows, _listed(classes))
    written = write_page(out, kept, rows, shown, method)
    told = {
        "settings": kept.settings(),
        "seeds": len({row.facts["seed"] for row in rows}),
        **table(rows, shown),
    }
    emit_json("fewshot", 1, told, json_file)
    console(json_file).print(f"written to {written}", markup=False)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _sources(
    manifests: Sequence[Path] | None, data: Path | None, folds: Sequence[int] | None, support_seed: int | None
) -> list[Source]:
    from flawscope.errors import UsageError
    from flawscope.fewshot.tasks import Source

    if bool(manifests) == (data is not None):
        raise UsageError("give either --manifest or --data", remedy="See flawscope fewshot run --help")
    if data is not None:
        return [Source(data, number, support_seed, is_data=True) for number in folds or [0]]
    if folds or support_seed is not None:
        raise UsageError(
            "a manifest says its classes and supports itself", where="--fold", remedy="Give it with --data"
        )
    return [Source(file) for file in manifests or ()]
