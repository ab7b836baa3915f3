"""The verb ``fewshot learn``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flawscope.cli.agent_options import AdjustableOption, BackboneOption, PresetOption
from flawscope.cli.lists import listed
from flawscope.cli.output import JsonOption, console, emit_json, progress_bar
from flawscope.sdie.choices import Deployable


def learn(
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|YAML", help="Photographs with masks, such as images/ and masks/."),
    ] = None,
    layout: Annotated[str, typer.Option(help="Of --data; see 'flawscope data list'.")] = "auto",
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of --data: a few-shot manifest.")
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="The class of the manifest. With --data the name of the defect in results.",
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, help="How many photographs to learn from, the first ones.")
    ] = 5,
    segmenter: Annotated[
        str, typer.Option(help="regions, grabcut, sam:FOLDER, promptable:NAME, prototype or network:WEIGHTS.")
    ] = "regions",
    prompted: Annotated[
        bool | None,
        typer.Option(
            "--prompted/--no-prompted",
            help="Prompt it from the photographs. Default: where it takes prompts.",
        ),
    ] = None,
    method: Annotated[
        Literal["none", "td3", "cma", "search", "best-single"] | None,
        typer.Option(
            help="What to do to images first: none leaves them as they are, td3 is SDIE's agent, the others search a "
            "constant mix. Default: none, the best in the study."
        ),
    ] = None,
    bank: Annotated[
        str | None, typer.Option(help="Filters: default, all or paper. Default: as the preset.")
    ] = None,
    adjustable: AdjustableOption = None,
    preset: PresetOption = "default",
    backbone_weights: BackboneOption = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of the agent, or segmenter calls of a search. Default: the preset's; the agent of paper "
            "makes a smoke run of 10 on a CPU.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop the agent's training after so many.")
    ] = None,
    choice: Annotated[
        Deployable | None,
        typer.Option(help="Which round is kept. Default: likeness with td3, else last."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs/mydefect"),
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the agent in --out.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0.")] = "auto",
    json_file: JsonOption = None,
) -> None:
    """Learn from 1 to 5 labelled photographs how to enhance images so that the segmenter sees the defect.

    The folder it writes works wherever weights do: flawscope predict --weights runs/mydefect IMAGES.
    """
    from flawscope.data.samples import open_data
    from flawscope.enhance import bank as make_bank
    from flawscope.errors import UsageError
    from flawscope.fewshot.adjusting import adjustable_bank
    from flawscope.fewshot.learning import DEFAULT_METHOD
    from flawscope.fewshot.learning import learn as learn_from
    from flawscope.fewshot.photographs import labelled_photographs, supports_of_class
    from flawscope.fewshot.segmenters import takes_prompts
    from flawscope.fewshot.settings import agent_settings, bank_of
    from flawscope.fewshot.starting import NONE_FITS, WARNING, cpu_warning
    from flawscope.segment.loading import check_device

    check_device(device)
    if (data is None) == (manifest is None):
        raise UsageError("give either --data or --manifest", remedy="See flawscope fewshot learn --help")
    if manifest is not None and class_name is None:
        raise UsageError(
            "no class of the manifest was named", where="--class", remedy="Name one with --class"
        )
    if manifest is not None:
        samples = supports_of_class(manifest, str(class_name), shots)
    else:
        samples = labelled_photographs(open_data(str(data), layout=layout), shots)
    chosen = DEFAULT_METHOD if method is None else method
    filters = make_bank(bank or bank_of(preset))
    if adjustable is not None:
        filters = adjustable_bank(filters, listed(adjustable))
    screen = console(json_file)
    warning = cpu_warning(agent_settings(preset, budget=budget), device, budget)
    if chosen == "td3" and warning is not None:
        screen.print(warning, markup=False)
    few = f" (of {shots} asked for, the others show no defect or are not there)" * (len(samples) < shots)
    screen.print(f"learning from {len(samples)}{few}: {', '.join(one.name for one in samples)}", markup=False)
    try:
        with progress_bar() as bar:
            task = bar.add_task("Learning", total=None)
            learnt = learn_from(
                samples,
                filters,
                out,
                segmenter=segmenter,
                prompted=takes_prompts(segmenter) if prompted is None else prompted,
                method=chosen,
                preset=preset,
                backbone_weights=backbone_weights,
                budget=budget,
                minutes=minutes,
                choice=choice if choice is not None else "likeness" if chosen == "td3" else "last",
                name=class_name,
                seed=seed,
                resume=resume,
                device=device,
                progress=lambda now: bar.update(task, completed=now.step, total=now.steps),
            )
    except KeyboardInterrupt:
        if chosen == "td3":
            screen.print("stopped; the same command with --resume goes on", markup=False)
        raise
    if learnt.facts.get("start") == NONE_FITS:
        screen.print(WARNING, markup=False)
    if "shots_before" in learnt.facts:
        index, before, after = (learnt.facts[name] for name in ("index", "shots_before", "shots_after"))
        enhanced = "" if chosen == "none" else f", {after:.3f} enhanced"
        smoke = " (smoke run)" if "smoke" in learnt.facts else ""
        seen = "each seen without its mask" if len(samples) > 1 else "half of its mask was seen"
        screen.print(f"{index} on these photographs, {seen}: {before:.3f}{enhanced}{smoke}", markup=False)
    screen.print(f"written to {learnt.folder}", markup=False)
    screen.print(f"use it with: flawscope predict --weights {learnt.folder} IMAGES", markup=False)
    emit_json(
        "fewshot-learn",
        1,
        {"folder": learnt.folder, "shots": list(learnt.shots), "facts": learnt.facts},
        json_file,
    )
