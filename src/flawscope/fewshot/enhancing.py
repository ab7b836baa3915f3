"""Methods that enhance: the best single filter, constant mixes, and the agent; all choices of round in one pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from flawscope.fewshot.answers import Answer, Lesson, Responder
from flawscope.fewshot.preparing import Task
from flawscope.fewshot.starting import is_smoke, start_of
from flawscope.fewshot.tasks import Picture
from flawscope.sdie.choices import CHOICES
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.game import Game
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rewards import REWARDS
from flawscope.sdie.rounds import choose, play

ONE_ROLLOUT = "oracle of one rollout"
"""The paper's oracle where an image is played several times: the best of the rounds that the policy alone chose."""


@dataclass(frozen=True, eq=False)
class Enhancing:
    """A policy for all classes under ``""``, or one for each; a constant mix has no critic."""

    policies: dict[str, Enhanced]
    noted: dict[str, Any]

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """Every choice of round from the same rounds; only the oracle looks at the mask."""
        enhanced = self.policies.get("", self.policies.get(task.name))
        assert enhanced is not None, task.name
        game = Game(enhanced.bank, picture.image, task.segmenter, enhanced.rounds)
        rounds = play(game, enhanced.policy, enhanced.rollouts, enhanced.rollout_noise)
        answers: dict[str, Answer] = {}
        for choice in CHOICES:
            if choice == "critic" and isinstance(enhanced.policy, ConstantPolicy):
                continue
            truth = picture.mask if choice == "oracle" else None
            kept = rounds[choose(rounds, choice, policy=enhanced.policy, reward=enhanced.reward, truth=truth)]
            answers[choice] = Answer(kept.seen.foreground, kept.number, kept.plane)
        if enhanced.rollouts > 1:
            alone = [one for one in rounds if one.rollout == 0]
            kept = alone[choose(alone, "oracle", truth=picture.mask)]
            answers[ONE_ROLLOUT] = Answer(kept.seen.foreground, kept.number, kept.plane)
        return answers

    def notes(self) -> dict[str, Any]:
        """What was learnt."""
        return self.noted


def searched(
    method: Literal["best-single", "random", "cma"], lesson: Lesson, *, rollouts: bool = False
) -> Responder:
    """A constant mix from the supports, within the budget; it ends with the round that was best on them.

    With ``rollouts`` it is played as the agent is: as many rounds, as often, with the same noise.
    """
    from flawscope.sdie.search import search

    found = search(
        method,
        [shot for task in lesson.tasks for shot in task.shots],
        lesson.bank,
        index=REWARDS[lesson.agent.reward][0],
        rounds=lesson.agent.rounds,
        budget=None if method == "best-single" else lesson.budget,
        seed=lesson.row.seed,
        scope=lesson.settings.scope,
    )
    policies, noted = {}, {}
    for name, one in found.items():
        segmenter = lesson.tasks[0].segmenter  # each task brings its own
        played = Enhanced(one.policy, lesson.bank, segmenter, "last", one.rounds)
        if rollouts:
            told = lesson.agent
            played = replace(
                played, rounds=told.rounds, rollouts=told.rollouts, rollout_noise=told.rollout_noise
            )
        policies[name] = played
        noted[name or "all"] = {
            "weights": np.round(one.weights, 4).tolist(),
            "filters": list(lesson.bank.names),
            "rounds": one.rounds,
            "supports": round(one.score, 4),
            "supports_raw": round(one.raw, 4),
            "calls": one.calls,
        }
    return Enhancing(policies, noted)


def agent(lesson: Lesson) -> Responder:
    """SDIE's agent; a training that was interrupted goes on where it was."""
    from flawscope.sdie.agent import train
    from flawscope.sdie.artefact import load_artefact
    from flawscope.sdie.run_folder import holds_run

    groups, bank = lesson.groups(), lesson.agent_bank
    start, noted_start = start_of(bank, lesson.agent, prompted=lesson.settings.prompted)
    policies, noted = {}, {}
    for name, tasks in groups.items():
        shots = [shot for task in tasks for shot in task.shots]
        share = len(shots) / sum(len(task.shots) for task in lesson.tasks)
        folder = lesson.folder / name if name else lesson.folder
        steps = max(1, round(lesson.agent.steps * share))
        changes = lesson.agent.model_copy(
            update={"steps": steps, "warmup": min(lesson.agent.warmup, max(1, steps // 4))}
        ).model_dump()
        minutes = lesson.settings.minutes
        train(
            shots,
            bank,
            lesson.settings.preset,
            out=folder,
            seed=lesson.row.seed,
            changes=changes,
            minutes=None if minutes is None else minutes * share,
            resume=holds_run(folder),
            device="cpu" if lesson.device == "auto" else lesson.device,
            backbone_weights=lesson.settings.backbone_weights,
            start=start,
            known=tasks[0].known,
            fit=tasks[0].fit,
            smoke=is_smoke(lesson.agent, lesson.device, lesson.settings.budget),
        )
        loaded = load_artefact(folder, segmenter=tasks[0].segmenter)
        policies[name] = replace(loaded, provenance={})
        noted[name or "all"] = {
            key: loaded.provenance.get(key)
            for key in (
                "steps",
                "finished",
                "episodes",
                "mean_return",
                "segmenter_calls",
                "seconds",
                "settings",
            )
        } | {"start": noted_start}
        if "smoke" in loaded.provenance:
            noted[name or "all"]["smoke"] = loaded.provenance["smoke"]
    return Enhancing(policies, noted)
