"""A policy, a bank and a segmenter as one segmenter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError
from flawscope.images import Image
from flawscope.sdie.choices import CHOICES, Choice
from flawscope.sdie.game import Game
from flawscope.sdie.policy import Policy, fingerprint_of
from flawscope.sdie.rewards import DEFAULT_REWARD, IndexName, RewardName
from flawscope.sdie.rounds import Round, choose, play
from flawscope.segment.base import Prompts, Segmentation, Segmenter
from flawscope.segment.description import Description, describe
from flawscope.segment.wrapper import Wrapper


@dataclass(frozen=True, eq=False)
class Enhanced(Wrapper):
    """Enhances an image for T rounds, keeps one, and segments it; a :class:`flawscope.segment.Segmenter`.

    Images of any size, depth and colour go through: filters run on the luminance at the image's own size (a
    window of 7 pixels stays 7 pixels), the policy sees it at 200x200, and the segmenter gets the image with its
    colours and the new luminance, as ``float32``.

    Attributes:
        policy: learnt, or a ``ConstantPolicy``.
        bank: the filters it mixes.
        segmenter: sees the result.
        choice: which round is kept.
        rounds: T.
        reward: what the critics were trained on (``critic``).
        rollouts: how often the game is played, see ``rounds.play``; all their rounds are candidates. Once is enough
            for ``last``.
        rollout_noise: of all rollouts but the first.
    """

    policy: Policy
    bank: FilterBank
    segmenter: Segmenter
    choice: Choice = "last"
    rounds: int = 5
    reward: RewardName = DEFAULT_REWARD
    rollouts: int = 1
    rollout_noise: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise UsageError(
                f"no choice of round named '{self.choice}'", remedy=f"Choose one of: {', '.join(CHOICES)}"
            )

    @property
    def name(self) -> str:
        """``sdie(segmenter)``; says so when the round is the oracle's."""
        return f"sdie({self.segmenter.name})" + (" ORACLE round" if self.choice == "oracle" else "")

    @property
    def labels(self) -> tuple[str, ...]:
        """The segmenter's; the class it was learnt on, where both are one."""
        inner, learnt = self.segmenter.labels, self.provenance.get("classes", ())
        return tuple(learnt) if len(inner) == 1 == len(learnt) else inner

    def describe(self) -> Description:
        """The segmenter's, with what is done to the image before; two policies have two fingerprints."""
        inner = describe(self.segmenter)
        parts = (self.bank.fingerprint(), inner.method, inner.fingerprint, fingerprint_of(self.policy))
        digest = hashlib.sha256(" ".join(map(str, parts)).encode())
        return replace(
            inner,
            method=f"SDIE: {', '.join(self.bank.names)} mixed for {self.rounds} rounds, {self.rollouts} times over; "
            f"kept is {CHOICES[self.choice]}; then {inner.method}",
            fingerprint=digest.hexdigest()[:12],
            provenance={key: value for key, value in self.provenance.items() if key != "shots"},
        )

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """What the segmenter sees on the enhanced image; prompts are handed to it.

        Raises:
            UsageError: the round is the oracle's, which needs the mask: see :meth:`oracle`.
        """
        rounds = self.rounds_of(image, prompts)
        return rounds[self.chosen(rounds)].seen.segmentation

    def oracle(
        self,
        image: Image,
        mask: npt.NDArray[Any],
        prompts: Prompts | None = None,
        index: IndexName = "fb_iou",
    ) -> Segmentation:
        """ORACLE: what the segmenter sees in the round that is best by the true mask, as the paper reports."""
        rounds = self.rounds_of(image, prompts)
        return rounds[choose(rounds, "oracle", truth=mask, index=index)].seen.segmentation

    def rounds_of(self, image: Image, prompts: Prompts | None = None) -> tuple[Round, ...]:
        """Every round's plane and weights, round 0 first, rollout by rollout; each is segmented when it is read."""
        game = Game(self.bank, image, self.segmenter, self.rounds, prompts=prompts)
        return play(game, self.policy, 1 if self.choice == "last" else self.rollouts, self.rollout_noise)

    def chosen(self, rounds: tuple[Round, ...], truth: npt.NDArray[Any] | None = None) -> int:
        """The position of the round that is kept; ``truth`` is for the oracle alone."""
        return choose(
            rounds,
            self.choice,
            policy=self.policy,
            reward=self.reward,
            truth=truth,
        )
