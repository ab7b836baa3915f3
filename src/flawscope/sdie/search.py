"""Constant mixes: the best weights for all images of a task. The baselines that an agent must beat.

Every candidate plays all rounds on all shots, as the agent does, and is asked for one number: the mean index
over the shots after its best round. That round's number is part of the answer, the same for every image, so no
label is needed to choose it later. Budgets count the segmenter's calls, those on the images as they came among
them; a search never asks more often than its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError, UsageError
from flawscope.sdie.game import Calls, Game, State, action_of, actions_of
from flawscope.sdie.memory import SHARED, Memory
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rewards import INDICES, IndexName
from flawscope.sdie.shots import Shot, check_shots

Method = Literal["best-single", "random", "cma"]
Scope = Literal["all", "class"]

_SPREAD, _BOUND = 1.5, 6.0
"""CMA-ES walks in numbers whose softmax are the weights: its first step size, and a box that lets one filter
have all but 1e-4 of the weight."""

_CONCENTRATION = 0.5
"""Of the Dirichlet distribution that random search draws from: below 1 it favours mixes of few filters."""


@dataclass(frozen=True, eq=False)
class Found:
    """The best constant mix.

    Attributes:
        weights: ``(n,)``, or ``(T, n)`` where every round has its own.
        rounds: how many rounds to play.
        score: mean index over the shots after them, 0 to 1.
        raw: the same of the images as they came.
        calls: of the segmenter.
        history: ``(calls, score)`` at every improvement.
    """

    weights: npt.NDArray[np.float64]
    rounds: int
    score: float
    raw: float
    calls: int
    history: tuple[tuple[int, float], ...]

    @property
    def policy(self) -> ConstantPolicy:
        """For ``Enhanced``, with ``rounds``."""
        return ConstantPolicy(self.weights)


class Trial:
    """Scores constant mixes on shots within a budget of segmenter calls.

    Args:
        shots: labelled images.
        bank: filters to mix; its adjustable parameters stay as they are.
        index: what to maximise.
        rounds: T.
        budget: segmenter calls, None for as many as wanted.

    Raises:
        DataError: no shots.
        UsageError: the budget is too small for the images as they came and one candidate.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        bank: FilterBank,
        index: IndexName = "fb_iou",
        rounds: int = 5,
        budget: int | None = None,
    ) -> None:
        self.shots, self.bank, self.budget = check_shots(shots), bank, budget
        self._index, self.rounds = INDICES[index], rounds
        self._calls, memory = Calls(), Memory(0)  # candidates hardly ever make the same image twice
        firsts = Memory(SHARED)
        self._games = [
            Game(bank, shot.image, shot.segmenter, rounds, memory=memory, firsts=firsts, calls=self._calls)
            for shot in shots
        ]
        least = len(shots) * (rounds + 1)
        if budget is not None and budget < least:
            raise UsageError(
                f"a budget of {budget} segmenter calls; one mix needs {least} "
                f"({len(shots)} images as they came and after {rounds} rounds)",
                where="budget",
                remedy="Raise it, or use fewer images or rounds",
            )
        self.raw = float(np.mean([self._see(number, game.first) for number, game in enumerate(self._games)]))
        self._best: tuple[npt.NDArray[np.float64], int, float] | None = None
        self._history: list[tuple[int, float]] = []

    def affordable(self) -> bool:
        """Whether the budget allows one more candidate."""
        return self.budget is None or self._calls.count + len(self.shots) * self.rounds <= self.budget

    def score(self, weights: npt.NDArray[np.float64]) -> float:
        """Mean index over the shots after the best round, 1 to T; ``(n,)`` or ``(T, n)`` weights."""
        each = np.broadcast_to(weights, (self.rounds, weights.shape[-1]))
        reached = np.zeros(self.rounds)
        for number, game in enumerate(self._games):
            state = game.first
            for row in each:
                state = game.play(state, self._action(row))[0]
                reached[state.round - 1] += self._see(number, state)
        reached /= len(self._games)
        best = int(reached.argmax())
        if self._best is None or reached[best] > self._best[2]:
            self._best = (np.array(weights, np.float64), best + 1, float(reached[best]))
            self._history.append((self._calls.count, float(reached[best])))
        return float(reached[best])

    def found(self) -> Found:
        """The best so far."""
        assert self._best is not None, "nothing was tried"
        weights, rounds, score = self._best
        return Found(weights, rounds, score, self.raw, self._calls.count, tuple(self._history))

    def _see(self, number: int, state: State) -> float:
        return self._index(self._games[number].look(state).foreground, self.shots[number].mask)

    def _action(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        action = np.zeros(actions_of(self.bank))
        action[: len(self.bank)] = action_of(weights)
        return action


def best_single(trial: Trial) -> Found:
    """Each filter alone at weight 1."""
    for row in np.eye(len(trial.bank)):
        if not trial.affordable():
            break
        trial.score(row)
    return trial.found()


def random_search(trial: Trial, seed: int = 0, per_round: bool = False) -> Found:
    """Mixes drawn from a Dirichlet distribution until the budget is spent."""
    generator = np.random.default_rng(seed)
    _needs_budget(trial)
    rows = trial.rounds if per_round else None
    while trial.affordable():
        trial.score(generator.dirichlet(np.full(len(trial.bank), _CONCENTRATION), rows))
    return trial.found()


def cma_es(trial: Trial, seed: int = 0, per_round: bool = False) -> Found:
    """CMA-ES (Hansen 2016) from the even mix, begun anew from a random mix whenever it has converged.

    Raises:
        MissingExtraError: the package cma is not installed.
        UsageError: no budget.
    """
    try:
        import cma
    except ImportError as error:
        raise MissingExtraError("cma", "fewshot") from error
    _needs_budget(trial)
    generator = np.random.default_rng(seed)
    shape = (trial.rounds, len(trial.bank)) if per_round else (len(trial.bank),)
    size = int(np.prod(shape))
    start = np.zeros(size)
    while trial.affordable():
        options = {
            "bounds": [-_BOUND, _BOUND],
            "seed": np.nan,  # leave numpy's global generator alone
            "randn": lambda *wanted: generator.standard_normal(wanted),
            "verbose": -9,
        }
        strategy = cma.CMAEvolutionStrategy(start, _SPREAD, options)
        while not strategy.stop() and trial.affordable():
            asked = strategy.ask()
            costs = []
            for one in asked:
                if not trial.affordable():
                    return trial.found()
                costs.append(-trial.score(_softmax(np.reshape(one, shape))))
            strategy.tell(asked, costs)
        start = generator.uniform(-2, 2, size)
    return trial.found()


def search(
    method: str,
    shots: Sequence[Shot],
    bank: FilterBank,
    *,
    index: IndexName = "fb_iou",
    rounds: int = 5,
    budget: int | None = None,
    seed: int = 0,
    scope: Scope = "all",
    per_round: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Found]:
    """The best constant mix for all classes, or for each.

    Args:
        method: ``best-single``, ``random`` or ``cma``.
        shots: labelled images.
        bank: filters to mix.
        index: what to maximise.
        rounds: T.
        budget: segmenter calls; shared among classes by their number of shots.
        seed: of the draws.
        scope: ``all`` gives one mix under the key ``""``, ``class`` one under each class's name.
        per_round: weights of its own for every round.
        progress: told the name of each group when it is done.

    Raises:
        DataError, UsageError, MissingExtraError: as the parts.
    """
    if method not in get_args(Method):
        raise UsageError(
            f"no search named '{method}'", remedy=f"Choose one of: {', '.join(get_args(Method))}"
        )
    groups: dict[str, list[Shot]] = {}
    for shot in check_shots(shots):
        groups.setdefault(shot.name if scope == "class" else "", []).append(shot)
    found = {}
    for name, group in groups.items():
        share = None if budget is None else budget * len(group) // len(shots)
        trial = Trial(group, bank, index, rounds, share)
        if method == "best-single":
            found[name] = best_single(trial)
        else:
            found[name] = (cma_es if method == "cma" else random_search)(trial, seed, per_round)
        if progress is not None:
            progress(name)
    return found


def _needs_budget(trial: Trial) -> None:
    if trial.budget is None:
        raise UsageError("a search without end", where="budget", remedy="Give a number of segmenter calls")


def _softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    weights: npt.NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return weights
