"""The score of a constant mix on the shots of a task, within a budget of segmenter calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.enhance.simplex import simplex
from flawscope.errors import UsageError
from flawscope.sdie.actions import action_of, identity_of
from flawscope.sdie.game import Calls, Game, State
from flawscope.sdie.memory import SHARED, Memory
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rewards import INDICES, IndexName
from flawscope.sdie.shots import Shot, check_shots


@dataclass(frozen=True, eq=False)
class Found:
    """The best constant mix.

    Attributes:
        weights: ``(n,)``.
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
        """Mean index over the shots after the best round, 1 to T; ``(n,)`` weights."""
        played = simplex(action_of(weights))  # rounded as the found policy will play them
        reached = np.zeros(self.rounds)
        for number, game in enumerate(self._games):
            state = game.first
            for _ in range(self.rounds):
                state = game.step(state, played)
                reached[state.round - 1] += self._see(number, state)
        reached /= len(self._games)
        best = int(reached.argmax())
        if self._best is None or reached[best] > self._best[2]:
            self._best = (np.array(weights, np.float64), best + 1, float(reached[best]))
            self._history.append((self._calls.count, float(reached[best])))
        return float(reached[best])

    def found(self) -> Found:
        """The best so far; the images as they came, where nothing tried was better and the bank can leave them."""
        assert self._best is not None, "nothing was tried"
        weights, rounds, score = self._best
        if score < self.raw and "identity" in self.bank.names:
            weights, rounds, score = np.eye(len(self.bank))[identity_of(self.bank)], 1, self.raw
        return Found(weights, rounds, score, self.raw, self._calls.count, tuple(self._history))

    def _see(self, number: int, state: State) -> float:
        return self._index(self._games[number].look(state).foreground, self.shots[number].mask)
