"""Training the agent: stable-baselines3's TD3 on the game, in a run folder that can be resumed exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError
from flawscope.sdie.artefact import save_artefact
from flawscope.sdie.choices import Choice
from flawscope.sdie.drawn import QUERIES, drawn_shots
from flawscope.sdie.episodes import Report, write_episodes
from flawscope.sdie.policy import MlpPolicy
from flawscope.sdie.presets import Settings, make_settings
from flawscope.sdie.run_folder import CHECKPOINT, claim, config_of
from flawscope.sdie.shots import Shot, check_shots, symmetries
from flawscope.segment.base import Segmenter
from flawscope.segment.prompted import USES, Use
from flawscope.segment.support import Fit, SupportModel

try:
    from flawscope.sdie.checkpoint import load_checkpoint, save_checkpoint
    from flawscope.sdie.environments import vector_env
    from flawscope.sdie.learner import make_learner, policy_of
    from flawscope.sdie.sitting import Sitting
except ImportError as error:
    raise MissingExtraError(error.name or "stable_baselines3", "fewshot") from error

_DRAWN_SEED = 7000
"""Other drawn tasks than those the shipped start was trained on (``benchmarks/sdie_start.py``)."""


def train(
    shots: Sequence[Shot],
    bank: FilterBank,
    preset: str = "default",
    *,
    out: str | Path,
    seed: int = 0,
    changes: dict[str, Any] | None = None,
    minutes: float | None = None,
    resume: bool = False,
    progress: Report | None = None,
    device: str = "cpu",
    processes: bool = False,
    backbone_weights: str | Path | None = None,
    start: MlpPolicy | None = None,
    known: Callable[[SupportModel], Segmenter] | None = None,
    fit: Fit = SupportModel.fit,
    choice: Choice = "last",
    segmenter: str | None = None,
    support: SupportModel | None = None,
    use: Sequence[Use] = USES,
    smoke: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Path:
    """Train an agent and leave an artefact that ``load_artefact`` opens.

    On the CPU, with segmenters that answer the same every time, the same arguments give the same
    ``policy.safetensors`` bit for bit, whether or not the run was interrupted and resumed. Random states of
    numpy, torch and Python are those of the whole process while it runs.

    Args:
        shots: labelled images, each with its segmenter.
        bank: filters to mix; its adjustable parameters are actions too.
        preset: ``default`` or ``paper``, see ``sdie.presets``.
        out: run folder: ``policy.safetensors``, ``sdie.json``, ``episodes.csv`` (the return curve),
            ``config.json`` and ``resume/``.
        seed: everything random follows from it.
        changes: fields of the preset to change.
        minutes: stop at the first episode's end after so many minutes, earlier sittings included; the run can
            be resumed with more.
        resume: go on with the run in ``out``, which must have been begun with the same arguments.
        progress: told after every episode.
        device: of the learner, ``cpu`` or ``cuda:N``.
        processes: a process for each environment.
        backbone_weights: ImageNet weights for the paper's ResNets, a file.
        start: a policy to go on from, instead of fresh networks; the scale of its observations is kept.
        known: makes the segmenter of a task from what its supports look like. With it the preset's drawn tasks
            (``sdie.drawn``) take about half of the episodes, so that the policy does not learn ``shots`` by heart.
        fit: learns from the supports of a drawn task; by the features that the segmenters of ``shots`` go by.
        choice: of the round, stored in the artefact.
        segmenter: how ``open_segmenter`` finds it, stored in the artefact.
        support, use: what prompts it and how, stored in the artefact.
        smoke: whether it is only to show that it runs; noted in the artefact.
        checkpoint_seconds: how often the state is written; Ctrl-C loses no more than this.

    Returns:
        The run folder.

    Raises:
        DataError: no shots.
        UsageError: settings that do not fit, a folder that already holds a run, or a run that cannot be resumed.
        OutputError: the folder cannot be written.
    """
    settings = make_settings(preset, changes)
    given = check_shots(shots)
    turned = tuple(turned for shot in given for turned in symmetries(shot)) if settings.symmetries else given
    folder = Path(out)
    told = config_of(given, bank, preset, settings, seed, backbone_weights, start, known is not None)
    claim(folder, told, resume)
    drawn: Sequence[Shot] = ()
    if known is not None and settings.drawn_tasks:
        drawn = drawn_shots(_drawn_tasks(settings), known, fit=fit, seed=_DRAWN_SEED + seed)
    played = _halves(turned, tuple(drawn))
    env = vector_env(played, bank, settings, processes=processes)
    try:
        learner = make_learner(
            env, bank, settings, seed=seed, device=device, backbone_weights=backbone_weights, start=start
        )
        log: dict[str, Any] = {"episodes": [], "seconds": 0.0, "calls": 0, "undefined": 0}
        if resume and (folder / CHECKPOINT).exists():  # without one it was stopped before it began
            log = load_checkpoint(learner, folder / CHECKPOINT)
        run = Sitting(learner, played, settings, log)

        def keep() -> None:
            noted = run.log()
            save_checkpoint(learner, folder / CHECKPOINT, noted)
            write_episodes(folder, noted["episodes"])
            save_artefact(
                folder,
                policy_of(learner, settings),
                bank,
                preset=preset,
                rounds=settings.rounds,
                choice=choice,
                reward=settings.reward,
                rollouts=settings.rollouts,
                rollout_noise=settings.rollout_noise,
                segmenter=segmenter,
                support=support,
                use=use,
                provenance=run.provenance()
                | {
                    "seed": seed,
                    "shots": [shot.source for shot in given],
                    "classes": sorted({shot.name for shot in given}),
                    "drawn_shots": len(drawn),
                    "settings": settings.model_dump(mode="json"),
                }
                | ({"smoke": True} if smoke else {}),
            )

        run.go(minutes, checkpoint_seconds, keep, progress)
    finally:
        env.close()
    return folder


def _drawn_tasks(settings: Settings) -> int:
    """No more than half of the episodes can show."""
    return min(settings.drawn_tasks, -(-settings.steps // (2 * QUERIES * settings.rounds)))


def _halves(first: tuple[Shot, ...], second: tuple[Shot, ...]) -> tuple[Shot, ...]:
    """Both, the fewer repeated until they are about as many."""
    if not second:
        return first
    most = max(len(first), len(second))
    return first * round(most / len(first)) + second * round(most / len(second))
