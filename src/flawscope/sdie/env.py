"""The game as a Gymnasium environment. Needs the ``[fewshot]`` extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError
from flawscope.sdie.actions import actions_of
from flawscope.sdie.game import Calls, Game, State
from flawscope.sdie.memory import SHARED, Memory
from flawscope.sdie.observation import SIDE, View, observation
from flawscope.sdie.rewards import DEFAULT_REWARD, INDICES, REWARDS, RewardName, check_reward, pay
from flawscope.sdie.shots import Shot, check_shots

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as error:
    raise MissingExtraError("gymnasium", "fewshot") from error

from flawscope.sdie.mixing_space import MixingSpace

Observed = npt.NDArray[np.generic]

LIMIT = 1e3
"""Vectors lie well within plus and minus this: their numbers are of the order of 1."""


class EnhancementEnv(gymnasium.Env[Observed, npt.NDArray[np.float32]]):
    """One episode is one shot enhanced for T rounds; it terminates then, and is never truncated.

    Shots come in a seeded random order, every one once before any comes again. ``reset`` takes
    ``options={"shot": i}`` to play a given one. The action lies in -1 to 1: a number a filter, and one for each
    adjustable parameter of the bank.

    ``info`` holds ``shot`` (its number), ``round`` and ``index`` (of the true mask); at the end of an episode
    also ``indices`` of rounds 0 to T.

    Args:
        shots: labelled images.
        bank: filters to mix.
        reward: see ``sdie.rewards``.
        rounds: T.
        observation: see ``sdie.observation``.
        sparse: random actions are sparse mixes, see ``sdie.mixing_space``.
        calls: counts the segmenters' calls.

    Raises:
        DataError: no shots.
        UsageError: no such reward or observation; fewer than one round.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium declares it so)

    def __init__(
        self,
        shots: Sequence[Shot],
        bank: FilterBank,
        *,
        reward: str = DEFAULT_REWARD,
        rounds: int = 5,
        observation: str = "evidence",
        sparse: bool = False,
        calls: Calls | None = None,
    ) -> None:
        self.shots = check_shots(shots)
        self.calls = calls or Calls()
        self._reward: RewardName = check_reward(reward)
        self._index = INDICES[REWARDS[self._reward][0]]
        self._observe = _observation(observation)
        self._bank, self._rounds = bank, rounds
        self._memory, self._firsts = Memory(), Memory(SHARED)
        self._queue: list[int] = []
        self._shot = -1
        self._game = self._game_of(0)
        self._state: State | None = None
        self._indices: list[float] = []
        actions: Any = spaces.Box(-1.0, 1.0, (actions_of(bank),), np.float32)
        if sparse:
            actions = MixingSpace(bank)
        self.action_space = actions
        if self._observe.picture:
            self.observation_space = spaces.Box(0, 255, (1, SIDE, SIDE), np.uint8)
        else:
            length = self._observe.length(len(bank))
            self.observation_space = spaces.Box(-LIMIT, LIMIT, (length,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, dict[str, Any]]:
        """Begin the next shot's episode; a seed begins the order anew."""
        super().reset(seed=seed)
        if seed is not None:
            self._queue = []
        if options and "shot" in options:
            return self._begin(int(options["shot"]))
        if not self._queue:
            self._queue = [int(number) for number in self.np_random.permutation(len(self.shots))]
        return self._begin(self._queue.pop())

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Observed, float, bool, bool, dict[str, Any]]:
        """Mix the filters once and look at the result."""
        assert self._state is not None, "reset comes first"
        self._state, _, _ = self._game.play(self._state, action)
        self._indices.append(self._score())
        reached, before = self._indices[-1], self._indices[-2]
        ended = self._state.round >= self._rounds
        info = self._info() | ({"indices": tuple(self._indices)} if ended else {})
        return self._see(), pay(self._reward, reached, before, self._indices[0]), ended, False, info

    def snapshot(self) -> dict[str, Any]:
        """What an environment at the start of an episode needs to go on exactly: JSON of its random state."""
        assert self._state is not None
        assert self._state.round == 0, "only between episodes"
        return {
            "generator": self.np_random.bit_generator.state,
            "queue": list(self._queue),
            "shot": self._shot,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a :meth:`snapshot` of an environment made with the same arguments."""
        super().reset(seed=0)
        self.np_random.bit_generator.state = snapshot["generator"]
        self._queue = [int(number) for number in snapshot["queue"]]
        self._begin(int(snapshot["shot"]))

    def asked(self) -> tuple[int, int]:
        """Calls of the segmenters so far, and undefined pixels among their answers."""
        return self.calls.count, self.calls.undefined

    def _begin(self, number: int) -> tuple[Observed, dict[str, Any]]:
        self._shot = number
        self._game, self._mask = self._game_of(number), self.shots[number].mask
        self._state = self._game.first
        self._indices = [self._score()]
        return self._see(), self._info()

    def _game_of(self, number: int) -> Game:
        """Made anew where many large images have driven it from memory."""
        shot = self.shots[number]
        return self._firsts.get(
            ("game", id(shot)),  # one that is played more often stands in ``shots`` several times
            lambda: Game(
                self._bank,
                shot.image,
                shot.segmenter,
                self._rounds,
                memory=self._memory,
                firsts=self._firsts,
                calls=self.calls,
            ),
            lambda made: made.image.nbytes + made.first.plane.nbytes,
        )

    def _score(self) -> float:
        assert self._state is not None
        return self._index(self._game.look(self._state).foreground, self._mask)

    def _see(self) -> Observed:
        assert self._state is not None
        return self._observe(View(self._game, self._state))

    def _info(self) -> dict[str, Any]:
        assert self._state is not None
        return {"shot": self._shot, "round": self._state.round, "index": self._indices[-1]}


_observation = observation
"""The argument ``observation`` of :class:`EnhancementEnv` hides the function of that name."""
