"""The short path: from 1 to 5 labelled photographs to an enhancer that ``flawscope predict`` opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flawscope.data.samples import Sample
from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError
from flawscope.fewshot.prompting import knowing, support_model, with_others
from flawscope.fewshot.segmenters import check_prompting, refuse_enhancer
from flawscope.fewshot.settings import agent_settings, check_backbone
from flawscope.fewshot.starting import SMOKE_STEPS, is_smoke, start_of
from flawscope.fewshot.tasks import Picture
from flawscope.outputs import check_writable
from flawscope.sdie.actions import identity_of
from flawscope.sdie.choices import Choice
from flawscope.sdie.episodes import Report
from flawscope.sdie.presets import Settings
from flawscope.sdie.rewards import INDICES, REWARDS
from flawscope.sdie.run_folder import check_place, holds_run
from flawscope.sdie.shots import Shot
from flawscope.sdie.trial import Found
from flawscope.segment import open_segmenter
from flawscope.segment.prompted import PROTOTYPE, USES, Use

LearnMethod = Literal["none", "td3", "cma", "search", "best-single"]
DEFAULT_METHOD: LearnMethod = "none"


@dataclass(frozen=True)
class Learnt:
    """What was learnt from a few photographs.

    Attributes:
        folder: the artefact.
        shots: images it was learnt from.
        facts: of the training or search, such as the mean index on the shots before and after.
    """

    folder: Path
    shots: tuple[str, ...]
    facts: dict[str, Any]


def learn(
    samples: Sequence[Sample],
    bank: FilterBank,
    out: str | Path,
    *,
    segmenter: str = "regions",
    prompted: bool = False,
    use: Sequence[Use] = USES,
    method: LearnMethod = DEFAULT_METHOD,
    preset: str = "default",
    budget: int | None = None,
    minutes: float | None = None,
    choice: Choice = "last",
    name: str | None = None,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
    backbone_weights: str | None = None,
    progress: Report | None = None,
) -> Learnt:
    """Learn to enhance, and leave an artefact.

    Images keep their own size and colours, as they will have when the artefact is used.

    Args:
        samples: labelled photographs.
        bank: filters to mix; the agent alone sets its adjustable parameters.
        out: folder of the artefact.
        segmenter: its spec, ``prototype`` among them.
        prompted: whether the segmenter is prompted from the photographs.
        use: which prompts it gets.
        method: ``none`` leaves images as they are, so that the photographs only prompt the segmenter; the agent; or a
            constant mix by a search.
        preset: of the agent; its number of steps is also the searches' budget.
        budget: steps or segmenter calls, instead of the preset's; without it an agent with ResNets makes a smoke run
            on a CPU.
        minutes: stop the agent's training after so many.
        choice: of the round that is kept.
        name: what the defect is called in results; None: as the segmenter calls it.
        seed: everything random follows from it.
        resume: go on with an interrupted agent.
        device: of the segmenter.
        backbone_weights: ImageNet weights of the agent's ResNets (preset ``paper``), a file.
        progress: told after every episode of the agent.

    Raises:
        DataError: a photograph or mask that cannot be used.
        UsageError: options that do not fit together.
        OutputError: the folder cannot be written.
    """
    refuse_enhancer(segmenter)
    check_prompting(segmenter, prompted, use)
    if choice == "critic" and method != "td3":
        raise UsageError(
            "a constant mix has no critic",
            where="--choice critic",
            remedy="Choose last, quality, likeness or agreement",
        )
    told = agent_settings(preset, budget=budget)
    smoke = method == "td3" and is_smoke(told, device, budget)
    if smoke:
        told = agent_settings(preset, budget=SMOKE_STEPS)
    if method != "td3" and (bank.adjustable or backbone_weights is not None):
        raise UsageError(
            "adjustable parameters and backbone weights are the agent's",
            where="--adjustable" if bank.adjustable else "--backbone-weights",
            remedy="Add --method td3",
        )
    check_backbone(backbone_weights, told)
    if method == "td3":
        check_place(Path(out), resume)
    elif holds_run(Path(out)):
        raise UsageError(
            "this folder holds an agent",
            where=out,
            remedy="Choose another --out, or remove the folder",
        )
    check_writable(out, folder=True)
    supports = tuple(_picture(sample) for sample in samples)
    model = support_model(supports)
    plain = None if segmenter == PROTOTYPE else open_segmenter(segmenter, device=device, also=(PROTOTYPE,))
    known = knowing(plain, use if prompted else None)
    given = with_others(known, model, len(supports))[1]
    called = name or (given[0].labels[0] if len(given[0].labels) == 1 else "defect")
    shots = [
        Shot(one.image, one.mask, asked, called, one.name) for one, asked in zip(supports, given, strict=True)
    ]
    if choice == "quality" and shots[0].segmenter.segment(shots[0].image).quality is None:
        raise UsageError(
            f"the segmenter '{segmenter}' does not estimate its quality",
            where="--choice quality",
            remedy="Choose last, critic, likeness or agreement",
        )
    kept: dict[str, Any] = {
        "choice": choice,
        "segmenter": segmenter,
        "support": model,
        "use": tuple(use) if prompted else (),
    }
    if method == "td3":
        from flawscope.sdie.agent import train
        from flawscope.sdie.artefact_description import read_description

        start, noted = start_of(bank, told, prompted=prompted)
        folder = train(
            shots,
            bank,
            preset,
            out=out,
            seed=seed,
            changes=told.model_dump(),
            minutes=minutes,
            resume=resume,
            device="cpu" if device == "auto" else device,
            progress=progress,
            backbone_weights=backbone_weights,
            start=start,
            known=known,
            smoke=smoke,
            **kept,
        )
        facts = {**read_description(folder).provenance, "start": noted, **_on_shots(folder, shots, told)}
        return Learnt(folder, tuple(one.source for one in shots), facts)
    from flawscope.sdie.artefact import save_artefact

    found = _found(method, shots, bank, told, seed)
    facts = {
        "method": method,
        "seed": seed,
        "segmenter_calls": found.calls,
        "index": REWARDS[told.reward][0],
        "shots_before": round(found.raw, 4),
        "shots_after": round(found.score, 4),
        "shots": [one.source for one in shots],
        "classes": [called],
    }
    folder = save_artefact(
        out, found.policy, bank, preset=method, rounds=found.rounds, provenance=facts, **kept
    )
    return Learnt(folder, tuple(one.source for one in shots), facts)


def _found(
    method: Literal["none", "cma", "search", "best-single"],
    shots: Sequence[Shot],
    bank: FilterBank,
    told: Settings,
    seed: int,
) -> Found:
    from flawscope.sdie.search import search
    from flawscope.sdie.trial import Trial

    index = REWARDS[told.reward][0]
    if method == "none":
        raw = Trial(shots, bank, index, 1).raw
        return Found(np.eye(len(bank))[identity_of(bank)], 1, raw, raw, len(shots), ())
    return search(
        "random" if method == "search" else method,
        shots,
        bank,
        index=index,
        rounds=told.rounds,
        budget=None if method == "best-single" else told.steps,
        seed=seed,
    )[""]


def _on_shots(folder: Path, shots: Sequence[Shot], told: Settings) -> dict[str, Any]:
    """Mean index on the shots before and after enhancement, the round being chosen as in use."""
    from flawscope.sdie.artefact import load_artefact

    name = REWARDS[told.reward][0]
    index, enhanced = INDICES[name], load_artefact(folder, segmenter=shots[0].segmenter)
    before, after = [], []
    for shot in shots:
        mine = replace(enhanced, segmenter=shot.segmenter)
        rounds = mine.rounds_of(shot.image)
        before.append(index(rounds[0].seen.foreground, shot.mask))
        after.append(index(rounds[mine.chosen(rounds)].seen.foreground, shot.mask))
    return {
        "index": name,
        "shots_before": round(float(np.mean(before)), 4),
        "shots_after": round(float(np.mean(after)), 4),
    }


def _picture(sample: Sample) -> Picture:
    image, mask = sample.read()
    return Picture(sample.name, image, mask > 0)
