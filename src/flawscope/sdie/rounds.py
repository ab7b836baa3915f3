"""Which round's image to keep: five ways that need no label, and the oracle of the paper.

Round 0, the image as it came, is always among the candidates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from flawscope.enhance.planes import Plane
from flawscope.errors import UsageError
from flawscope.metrics import masks_iou
from flawscope.sdie.actions import action_of, actions_of, identity_of
from flawscope.sdie.choices import Choice
from flawscope.sdie.game import Game, Numbers, State
from flawscope.sdie.observation import View, observation
from flawscope.sdie.policy import Policy
from flawscope.sdie.rewards import DEFAULT_REWARD, INDICES, REWARDS, IndexName, RewardName
from flawscope.sdie.seen import Seen
from flawscope.segment.likeness import likeness


@dataclass(frozen=True, eq=False)
class Round:
    """One image of a game, the one of round 0 included.

    Attributes:
        game: it belongs to.
        state: M_t.
        weights: ``(n,)`` that made it from the image before; None in round 0.
        parameters: ``(m,)`` of the adjustable parameters that made it, if any.
        rollout: which it belongs to; round 0 belongs to all.
    """

    game: Game
    state: State
    weights: Numbers | None = None
    parameters: Numbers | None = None
    rollout: int = 0

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


def play(game: Game, policy: Policy, rollouts: int = 1, noise: float = 0.0) -> tuple[Round, ...]:
    """Round 0 and the T rounds of each rollout of a policy on one image.

    Args:
        game: the image, its filters and its segmenter.
        policy: chooses the mixes.
        rollouts: the first plays the policy as it is; each other begins with the image as it came too and plays the
            policy with noise, which depends on the image and the number of the rollout alone.
        noise: standard deviation of what is added to the actions of every rollout but the first.
    """
    observe = observation(policy.observation)
    rounds = [Round(game, game.first)]
    for rollout in range(rollouts):
        generator = np.random.default_rng((int.from_bytes(game.first.digest[:8], "big"), rollout))
        state = game.first
        for _ in range(game.rounds):
            action = policy.act(observe(View(game, state)))
            if rollout:
                action = np.clip(action + generator.normal(0, noise, action.shape), -1, 1).astype(np.float32)
            rounds.append(Round(game, *game.play(state, action), rollout=rollout))
            state = rounds[-1].state
    return tuple(rounds)


def choose(
    rounds: Sequence[Round],
    choice: Choice,
    *,
    policy: Policy | None = None,
    reward: RewardName = DEFAULT_REWARD,
    truth: npt.NDArray[Any] | None = None,
    index: IndexName = "fb_iou",
) -> int:
    """The position in ``rounds`` of the round to keep.

    Args:
        rounds: from :func:`play`.
        choice: one of ``CHOICES``; ``last`` is that of the first rollout; equal rounds: the latest for ``agreement``,
            else the earliest.
        policy: whose critics are asked (``critic``).
        reward: what the critics were trained on.
        truth: ``(height, width)``, non-zero is defect (``oracle``).
        index: what the oracle maximises; the paper takes ``fb_iou``.

    Raises:
        UsageError: the oracle without a mask; no such choice; a segmenter or policy that cannot tell.
    """
    if choice == "last":
        return max(at for at, one in enumerate(rounds) if one.rollout == 0)
    if choice == "quality":
        return int(np.argmax([_quality(one) for one in rounds]))
    if choice == "likeness":
        return int(np.argmax(likenesses(rounds)))
    if choice == "agreement":
        scores = agreements(rounds)
        return len(scores) - 1 - int(np.argmax(scores[::-1]))
    if choice == "critic":
        if policy is None:
            raise UsageError("no critics to ask", where="choice of round", remedy="Give the policy")
        return int(np.argmax(expected_levels(rounds, policy, reward)))
    if choice == "oracle":
        if truth is None:
            raise UsageError(
                "the oracle round needs the true mask of the image",
                where="choice of round",
                remedy="Choose another",
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


def likenesses(rounds: Sequence[Round]) -> npt.NDArray[np.float64]:
    """For each round, the ``segment.likeness.likeness`` of its answer to the evidence on the unfiltered image.

    A yardstick that the filters cannot move: a round is not judged by what the supports make of its own image.
    """
    evidence = rounds[0].seen.segmentation.evidence
    if evidence is None:
        raise UsageError(
            f"the segmenter '{rounds[0].game.segmenter.name}' knows no supports",
            where="choice of round",
            remedy="Choose last, critic, quality or agreement",
        )
    return np.array([likeness(one.seen.segmentation.probability, evidence) for one in rounds])


def agreements(rounds: Sequence[Round]) -> npt.NDArray[np.float64]:
    """For each round, the mean IoU of its mask with those one round before and after it in its rollout.

    A mask of nothing or of everything agrees with no other: two of them say nothing about a defect.
    """
    masks = [one.seen.foreground for one in rounds]
    telling = [bool(mask.any()) and not bool(mask.all()) for mask in masks]
    beside: list[list[float]] = [[] for _ in rounds]
    for at in range(1, len(rounds)):
        before = 0 if rounds[at].number == 1 else at - 1
        same = masks_iou(masks[before], masks[at]) if telling[before] and telling[at] else 0.0
        beside[before].append(same)
        beside[at].append(same)
    return np.array([np.mean(found) if found else 0.0 for found in beside])


def expected_levels(rounds: Sequence[Round], policy: Policy, reward: RewardName) -> npt.NDArray[np.float64]:
    """``(T + 1,)``: the index of every round as the critics expect it, up to a constant.

    Each image is shown to them as if it stood before the last round, and they are asked what leaving it as it is
    will pay: that is its own index, or its gain. Critics of rewards that are steps value what is still to be
    gained instead; the image with the least of that is the best.
    """
    game, observe = rounds[0].game, observation(policy.observation)
    still = -np.ones(actions_of(game.bank), np.float32)
    still[: len(game.bank)] = action_of(np.eye(len(game.bank))[identity_of(game.bank)])
    steps = REWARDS[reward][1] == "step"
    values = []
    for one in rounds:
        seen = observe(View(game, State(one.plane, game.rounds - 1)))
        value = policy.value(seen, policy.act(seen) if steps else still)
        values.append(-value if steps else value)
    return np.array(values)


def _quality(one: Round) -> float:
    quality = one.seen.segmentation.quality
    if quality is None:
        raise UsageError(
            f"the segmenter '{one.game.segmenter.name}' does not estimate its quality",
            where="choice of round",
            remedy="Choose last, critic, likeness or agreement",
        )
    return quality
