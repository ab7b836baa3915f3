"""Which round's image to keep: four ways that need no label, and the oracle of the paper.

Round 0, the image as it came, is always among the candidates.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import Plane
from flawscope.errors import UsageError
from flawscope.sdie.game import Game, Numbers, Seen, State, action_of, identity_of
from flawscope.sdie.observation import View, observation
from flawscope.sdie.policy import Policy
from flawscope.sdie.rewards import INDICES, REWARDS, IndexName, RewardName, iou, levels

Choice = Literal["last", "critic", "quality", "agreement", "oracle"]

CHOICES: dict[Choice, str] = {
    "last": "the last round",
    "critic": "the round whose reward the critics expect to be highest",
    "quality": "the round whose mask the segmenter itself trusts most",
    "agreement": "the round whose mask agrees best with those of the rounds beside it",
    "oracle": "ORACLE: the round that is best by the true mask, for comparison with the paper only",
}
"""What each choice is, for people."""


@dataclass(frozen=True, eq=False)
class Round:
    """One image of a game, the one of round 0 included.

    Attributes:
        game: it belongs to.
        state: M_t.
        weights: ``(n,)`` that made it from the image before; None in round 0.
        parameters: ``(m,)`` of the adjustable parameters that made it, if any.
    """

    game: Game
    state: State
    weights: Numbers | None = None
    parameters: Numbers | None = None

    @property
    def number(self) -> int:
        """t, 0 to T."""
        return self.state.round

    @property
    def plane(self) -> Plane:
        """The enhanced luminance, at the image's own size."""
        return self.state.plane

    @functools.cached_property
    def seen(self) -> Seen:
        """What the segmenter sees on it; asked when first wanted."""
        return self.game.look(self.state)


def play(game: Game, policy: Policy) -> tuple[Round, ...]:
    """All T + 1 rounds of a policy on one image."""
    observe = observation(policy.observation)
    rounds = [Round(game, game.first)]
    for _ in range(game.rounds):
        state = rounds[-1].state
        action = policy.act(observe(View(game, state)))
        rounds.append(Round(game, *game.play(state, action)))
    return tuple(rounds)


def choose(
    rounds: Sequence[Round],
    choice: Choice,
    *,
    policy: Policy | None = None,
    reward: RewardName = "fb_iou_gain",
    discount: float = 0.9,
    truth: npt.NDArray[Any] | None = None,
    index: IndexName = "fb_iou",
) -> int:
    """The number of the round to keep.

    Args:
        rounds: from :func:`play`.
        choice: one of ``CHOICES``; equal rounds: the earliest for ``oracle``, ``critic`` and ``quality``, the
            latest for ``agreement``.
        policy: whose critics are asked (``critic``).
        reward: what the critics were trained on.
        discount: gamma of that training.
        truth: ``(height, width)``, non-zero is defect (``oracle``).
        index: what the oracle maximises; the paper takes ``fb_iou``.

    Raises:
        UsageError: the oracle without a mask; no such choice; a segmenter or policy that cannot tell.
    """
    if choice == "last":
        return len(rounds) - 1
    if choice == "quality":
        return int(np.argmax([_quality(one) for one in rounds]))
    if choice == "agreement":
        scores = agreements([one.seen.foreground for one in rounds])
        return len(scores) - 1 - int(np.argmax(scores[::-1]))
    if choice == "critic":
        if policy is None:
            raise UsageError("no critics to ask", where="choice of round", remedy="Give the policy")
        return int(np.argmax(expected_levels(rounds, policy, reward, discount)))
    if choice == "oracle":
        if truth is None:
            raise UsageError(
                "the oracle round needs the true mask of the image",
                where="choice of round",
                remedy="Choose last, critic, quality or agreement",
            )
        return int(np.argmax(true_levels(rounds, truth, index)))
    raise UsageError(
        f"no choice of round named '{choice}'", remedy=f"Choose one of: {', '.join(get_args(Choice))}"
    )


def true_levels(
    rounds: Sequence[Round], truth: npt.NDArray[Any], index: IndexName = "fb_iou"
) -> npt.NDArray[np.float64]:
    """``(T + 1,)``: the index of every round against the true mask."""
    mask = np.asarray(truth) != 0
    return np.array([INDICES[index](one.seen.foreground, mask) for one in rounds])


def agreements(foregrounds: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.float64]:
    """``(T + 1,)``: mean IoU of each mask with those one round before and after it.

    A mask of nothing or of everything agrees with no other: two of them say nothing about a defect.
    """
    telling = [bool(mask.any()) and not bool(mask.all()) for mask in foregrounds]
    beside = [
        iou(foregrounds[t], foregrounds[t + 1]) if telling[t] and telling[t + 1] else 0.0
        for t in range(len(foregrounds) - 1)
    ]
    return np.array([np.mean(beside[max(t - 1, 0) : t + 1]) for t in range(len(foregrounds))])


def expected_levels(
    rounds: Sequence[Round], policy: Policy, reward: RewardName, discount: float
) -> npt.NDArray[np.float64]:
    """``(T + 1,)``: the index of every round as the critics expect it, up to a constant.

    Q(t) - gamma Q(t + 1) is the reward the critics expect between two rounds. For rewards that are gains round
    0 stands at 0; for the absolute ones its level is what they expect of a round that changes nothing.
    """
    game, observe = rounds[0].game, observation(policy.observation)
    values = []
    for one, following in itertools.pairwise(rounds):
        assert following.weights is not None
        observed = observe(View(game, one.state))
        values.append(policy.value(observed, policy.act(observed)))
    values.append(0.0)
    paid = np.array([now - discount * later for now, later in itertools.pairwise(values)])
    if REWARDS[reward][1] != "level":
        return np.concatenate([[0.0], levels(reward, paid)])
    return np.concatenate([[_idle(game, policy, discount)], paid])


def _idle(game: Game, policy: Policy, discount: float) -> float:
    observe = observation(policy.observation)
    still = -np.ones(len(game.bank) + len(game.bank.adjustable), np.float32)
    still[: len(game.bank)] = action_of(np.eye(len(game.bank))[identity_of(game.bank)])
    expected = policy.value(observe(View(game, game.first)), still)
    if game.rounds == 1:
        return expected
    later = observe(View(game, State(game.first.plane, 1)))
    return expected - discount * policy.value(later, policy.act(later))


def _quality(one: Round) -> float:
    quality = one.seen.segmentation.quality
    if quality is None:
        raise UsageError(
            f"the segmenter '{one.game.segmenter.name}' does not estimate its quality",
            where="choice of round",
            remedy="Choose last, critic or agreement",
        )
    return quality
