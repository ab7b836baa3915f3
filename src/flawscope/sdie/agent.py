"""Training the agent: stable-baselines3's TD3 on the game, in a run folder that can be resumed exactly."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError, UsageError
from flawscope.outputs import write_json
from flawscope.sdie.artefact import save_artefact
from flawscope.sdie.drawn import QUERIES, drawn_shots
from flawscope.sdie.episodes import Progress, Report, Row, mean_return, write_episodes
from flawscope.sdie.policy import MlpPolicy
from flawscope.sdie.presets import Settings, make_settings
from flawscope.sdie.rounds import Choice
from flawscope.sdie.shots import Shot, check_shots, symmetries
from flawscope.segment.base import Segmenter
from flawscope.segment.prompted import USES, Use
from flawscope.segment.support import SupportModel

try:
    from stable_baselines3 import TD3
    from stable_baselines3.common.callbacks import BaseCallback
except ImportError as error:
    raise MissingExtraError(error.name or "stable_baselines3", "fewshot") from error

from flawscope.sdie.checkpoint import load_checkpoint, save_checkpoint
from flawscope.sdie.learner import make_learner, normalised, policy_of, vector_env

CONFIG, CHECKPOINT = "config.json", "resume/last.safetensors"
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
    choice: Choice = "last",
    segmenter: str | None = None,
    support: SupportModel | None = None,
    use: Sequence[Use] = USES,
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
            (``sdie.drawn``) take half of the episodes, so that the policy does not learn ``shots`` by heart.
        choice: of the round, stored in the artefact.
        segmenter: how ``open_segmenter`` finds it, stored in the artefact.
        support, use: what prompts it and how, stored in the artefact.
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
    told = _config(given, bank, preset, settings, seed, backbone_weights, start, known is not None)
    _claim(folder, told, resume)
    drawn: Sequence[Shot] = ()
    if known is not None and settings.drawn_tasks:
        drawn = drawn_shots(_drawn_tasks(settings), known, seed=_DRAWN_SEED + seed)
    played = _halves(turned, tuple(drawn))
    env = vector_env(played, bank, settings, processes=processes)
    try:
        learner = make_learner(
            env, bank, settings, seed=seed, device=device, backbone_weights=backbone_weights, start=start
        )
        log: dict[str, Any] = {"episodes": [], "seconds": 0.0, "calls": 0, "undefined": 0}
        if resume and (folder / CHECKPOINT).exists():  # without one it was stopped before it began
            log = load_checkpoint(learner, folder / CHECKPOINT)
        run = _Run(learner, played, settings, log)

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
                },
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


class _Run(BaseCallback):
    """The log of a learner, and the loop over its episodes."""

    def __init__(self, learner: TD3, shots: Sequence[Shot], settings: Settings, log: dict[str, Any]) -> None:
        super().__init__()
        self._learner, self._shots, self._settings = learner, shots, settings
        self._rows: list[Row] = log["episodes"]
        self._before = log
        self._returns = [0.0] * settings.envs
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Of training, earlier sittings included."""
        return float(self._before["seconds"]) + time.monotonic() - self._started

    def go(self, minutes: float | None, every: float, keep: Any, progress: Report | None) -> None:
        """Play and learn to the end, keeping the state now and then."""
        learner, told = self._learner, self._settings
        # All environments end their episodes together, so the state is between episodes after each of these.
        episode = told.rounds * told.envs
        if learner.num_timesteps == 0:
            keep()
        kept = time.monotonic()
        while learner.num_timesteps < told.steps:
            if minutes is not None and self.seconds >= 60 * minutes:
                break
            learner.learn(episode, callback=self, log_interval=10**9, reset_num_timesteps=False)
            if progress is not None:
                progress(
                    Progress(
                        learner.num_timesteps,
                        told.steps,
                        len(self._rows),
                        mean_return(self._rows),
                        self.seconds,
                    )
                )
            if time.monotonic() - kept >= every:
                keep()
                kept = time.monotonic()
        keep()

    def log(self) -> dict[str, Any]:
        """For the checkpoint."""
        asked = normalised(self._learner).env_method("asked")
        return {
            "episodes": self._rows,
            "seconds": self.seconds,
            "calls": self._before["calls"] + sum(calls for calls, _ in asked),
            "undefined": self._before["undefined"] + sum(undefined for _, undefined in asked),
        }

    def provenance(self) -> dict[str, Any]:
        """For the artefact."""
        noted = self.log()
        return {
            "steps": self._learner.num_timesteps,
            "finished": self._learner.num_timesteps >= self._settings.steps,
            "episodes": len(self._rows),
            "mean_return": round(mean_return(self._rows), 6),
            "segmenter_calls": noted["calls"],
            "undefined_pixels": noted["undefined"],
            "seconds": round(noted["seconds"], 1),
        }

    def _on_step(self) -> bool:
        for number, (reward, done, info) in enumerate(
            zip(self.locals["rewards"], self.locals["dones"], self.locals["infos"], strict=True)
        ):
            self._returns[number] += float(reward)
            if done:
                indices = info["indices"]
                shot = self._shots[info["shot"]]
                self._rows.append(
                    {
                        "episode": len(self._rows) + 1,
                        "step": self._learner.num_timesteps,
                        "shot": shot.source,
                        "class": shot.name,
                        "return": round(self._returns[number], 6),
                        "index_first": round(indices[0], 6),
                        "index_last": round(indices[-1], 6),
                        "index_best": round(max(indices), 6),
                    }
                )
                self._returns[number] = 0.0
        return True


def _config(
    shots: Sequence[Shot],
    bank: FilterBank,
    preset: str,
    settings: Settings,
    seed: int,
    backbone_weights: str | Path | None,
    start: MlpPolicy | None,
    drawn: bool,
) -> dict[str, Any]:
    seen, begun = hashlib.sha256(), hashlib.sha256()
    for _, tensor in sorted(start.tensors().items() if start else ()):
        begun.update(np.ascontiguousarray(tensor).data)
    for shot in shots:
        seen.update(f"{shot.name} {shot.image.shape} {shot.image.dtype} {shot.segmenter.name}".encode())
        seen.update(shot.image.data)
        seen.update(shot.mask.data)
    return {
        "schema": "flawscope/sdie-run/1",
        "preset": preset,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "bank": bank.to_json(),
        "shots": {"count": len(shots), "sha256": seen.hexdigest()},
        "backbone_weights": None if backbone_weights is None else str(backbone_weights),
        "drawn": drawn,
        "start": None if start is None else begun.hexdigest(),
    }


def _claim(folder: Path, config: dict[str, Any], resume: bool) -> None:
    """Note what the run is told, or see that a resumed one is told the same."""
    file = folder / CONFIG
    if not resume:
        if file.exists():
            raise UsageError(
                "this folder already holds a run",
                where=folder,
                remedy="Add --resume to go on with it, or choose another --out",
            )
        write_json(file, config)
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError("no run to resume here", where=folder, remedy="Check --out") from error
    except (OSError, ValueError) as error:
        raise UsageError("its config.json is damaged", where=file, remedy="Start a new run") from error
    changed = [name for name in config if not isinstance(before, dict) or before.get(name) != config[name]]
    if changed:
        raise UsageError(
            f"the run was begun with other {', '.join(changed)}",
            where=folder,
            remedy="Resume it with what it was begun with, or start a new run in another folder",
        )
