"""Methods that enhance: the best single filter, constant mixes, and the agent; all choices of round in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from flawscope.fewshot.answers import Answer, Lesson, Responder
from flawscope.fewshot.segmenters import Task
from flawscope.fewshot.tasks import Picture
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.game import Game
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rewards import REWARDS
from flawscope.sdie.rounds import Choice, Round, choose, play

CHOICES: tuple[Choice, ...] = ("last", "critic", "quality", "agreement", "oracle")


@dataclass
class Enhancing:
    """A policy for all classes under ``""``, or one for each.

    A constant mix has no critic. A segmenter that gave no quality for an image makes ``quality`` keep the last
    round of that image; when it never gives one there is no such line.
    """

    policies: dict[str, Enhanced]
    noted: dict[str, Any]
    qualities: int = field(default=0, init=False)

    def answer(self, task: Task, picture: Picture) -> dict[str, Answer]:
        """Every choice of round from the same rounds; only the oracle looks at the mask."""
        enhanced = self.policies.get("", self.policies.get(task.name))
        assert enhanced is not None, task.name
        game = Game(enhanced.bank, picture.image, task.segmenter, enhanced.rounds)
        rounds = play(game, enhanced.policy, enhanced.rollouts)
        return {
            choice: Answer(rounds[at].seen.foreground, rounds[at].number, rounds[at].plane)
            for choice in CHOICES
            if (at := self._number(choice, enhanced, rounds, picture)) is not None
        }

    def notes(self) -> dict[str, Any]:
        """What was learnt."""
        return self.noted

    def _number(
        self, choice: Choice, enhanced: Enhanced, rounds: tuple[Round, ...], picture: Picture
    ) -> int | None:
        if choice == "critic" and isinstance(enhanced.policy, ConstantPolicy):
            return None
        if choice == "quality":
            if any(one.seen.segmentation.quality is None for one in rounds):
                return choose(rounds, "last")
            self.qualities += 1
        return choose(
            rounds,
            choice,
            policy=enhanced.policy,
            reward=enhanced.reward,
            truth=picture.mask if choice == "oracle" else None,
        )

    def void(self) -> frozenset[str]:
        """``quality`` when the segmenter never said how good its masks are."""
        return frozenset() if self.qualities else frozenset({"quality"})


def searched(method: Literal["best-single", "random", "cma"], lesson: Lesson) -> Responder:
    """A constant mix from the supports, within the budget; it ends with the round that was best on them."""
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
        policies[name] = Enhanced(one.policy, lesson.bank, segmenter, "last", one.rounds)
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
    from flawscope.sdie.agent import CHECKPOINT, CONFIG, train
    from flawscope.sdie.artefact import load_artefact
    from flawscope.sdie.starting import shipped_start

    groups = lesson.groups()
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
        begun = (folder / CHECKPOINT).exists()
        if not begun:
            (folder / CONFIG).unlink(missing_ok=True)  # killed before there was anything to go on from
        train(
            shots,
            lesson.bank,
            lesson.settings.preset,
            out=folder,
            seed=lesson.row.seed,
            changes=changes,
            minutes=None if minutes is None else minutes * share,
            resume=begun,
            device="cpu" if lesson.device == "auto" else lesson.device,
            start=shipped_start(lesson.bank, lesson.agent, prompted=lesson.settings.prompted),
        )
        loaded = load_artefact(folder, segmenter=tasks[0].segmenter)
        policies[name] = replace(loaded, provenance={})
        noted[name or "all"] = {
            key: loaded.provenance.get(key)
            for key in ("steps", "finished", "episodes", "mean_return", "segmenter_calls", "seconds")
        }
    return Enhancing(policies, noted)
