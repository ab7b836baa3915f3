"""The verb ``fewshot run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flawscope.cli.agent_options import AdjustableOption, BackboneOption, PresetOption
from flawscope.cli.lists import listed
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.sdie.choices import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flawscope.fewshot.tasks import Source


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
            help="raw, best-single, search, cma, cma-rollouts, td3, prototype, finetune, pick-of-30, best-of-30, "
            "with commas."
        ),
    ] = "raw,best-single,search,cma,td3,prototype,finetune",
    maps: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A row for somebody's maps: DIR/<class>/<stem>.png; repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often methods with chance in them are run.")] = 3,
    choice: Annotated[
        Choice | None,
        typer.Option(help="Which round stands for a method in the differences; all are in the table."),
    ] = None,
    scope: Annotated[
        Literal["all", "class"], typer.Option(help="One mix or agent for all classes, or one a class.")
    ] = "all",
    bank: Annotated[str | None, typer.Option(help="default, all or paper. Default: as the preset.")] = None,
    filters: Annotated[
        str | None, typer.Option(help="Filters of the bank, with commas between them.")
    ] = None,
    adjustable: AdjustableOption = None,
    kernel_size: Annotated[
        int | None, typer.Option(help="Windows of the filters: 3, 5, 7, 9 or 11 pixels.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="T. Default: the preset's.")] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Segmenter calls of a search and steps of the agent. Default: the preset's steps; for a search also "
            "the calls that the agent's shipped start cost, and the agent of paper makes a smoke run of 10 on a CPU.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop the training of each agent's row after so many.")
    ] = None,
    preset: PresetOption = "default",
    backbone_weights: BackboneOption = None,
    classes: Annotated[str | None, typer.Option(help="Only these classes, with commas between them.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first query images of each class.")
    ] = None,
    finetune_steps: Annotated[
        int, typer.Option(min=1, help="Batches for each network; 500 take about 1.5 minutes.")
    ] = 500,
    finetune_model: Annotated[str, typer.Option(help="Preset of 'flawscope models list'.")] = "ocinet-lcnet",
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
    methods = listed(method) + (["maps"] if maps and "maps" not in listed(method) else [])
    rows = rows_of(_sources(manifest, data, fold, support_seed), methods, seeds, maps or [])
    settings = make_study(
        shots=shots,
        segmenter=segmenter,
        prompted=needs_prompts(segmenter) if prompted is None else prompted,
        prompt_use=listed(prompt_use),
        prompt_features=prompt_features,
        scope=scope,
        bank=bank or bank_of(preset),
        filters=None if filters is None else listed(filters),
        adjustable=() if adjustable is None else listed(adjustable),
        kernel_size=kernel_size,
        rounds=rounds,
        budget=budget,
        minutes=minutes,
        preset=preset,
        backbone_weights=backbone_weights,
        classes=[] if classes is None else listed(classes),
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
        **table(outcome.finished, DEFAULT_CHOICE if choice is None else choice),
    }
    from flawscope.cli.fewshot_table import print_study

    print_study(screen, report)
    emit_json("fewshot", 1, report, json_file)
    if outcome.interrupted:
        screen.print(f"stopped; the same command goes on, finished rows are in {out}", markup=False)
        return 130
    if outcome.finished:
        screen.print(f"page: flawscope fewshot report {out} --out page.html", markup=False)
    return 2 if outcome.failures else 0


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
