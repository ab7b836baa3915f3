import numpy as np
import pytest

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.presets import bank as make_bank
from flawscope.errors import UsageError
from flawscope.sdie.actions import action_of
from flawscope.sdie.choices import CHOICES
from flawscope.sdie.game import Game, State
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rounds import Round, agreements, choose, expected_levels, likenesses, play, true_levels
from flawscope.segment.base import Segmentation


class Scripted:
    """Answers with masks and qualities in the order of the rounds."""

    name, labels, threshold = "scripted", ("defect",), 0.5

    def __init__(self, masks, qualities=None, evidence=None) -> None:
        self.masks, self.qualities, self.evidence, self.asked = masks, qualities, evidence, 0

    def segment(self, image, prompts=None):
        number, self.asked = self.asked, self.asked + 1
        quality = None if self.qualities is None else self.qualities[number]
        evidence = None if self.evidence is None else self.evidence[number].astype(np.float32)
        return Segmentation(self.masks[number][None].astype(np.float32), quality, evidence)


def mask(columns: int) -> np.ndarray:
    made = np.zeros((4, 8), bool)
    made[:, :columns] = True
    return made


RAMP = np.tile(np.linspace(0.2, 0.6, 8, dtype=np.float32), (4, 1))


def played(toy, columns, qualities=None, policy=None, rollouts=1, evidence=None):
    known = None if evidence is None else [mask(number) for number in evidence]
    segmenter = Scripted([mask(number) for number in columns], qualities, known)
    game = Game(toy.bank, RAMP, segmenter, (len(columns) - 1) // rollouts)
    rounds = play(game, policy or ConstantPolicy(toy.best), rollouts, 0.4)
    for one in rounds:
        assert one.seen is not None  # asked in order
    return rounds


def test_rounds_hold_planes_and_weights(toy) -> None:
    rounds = played(toy, [1, 2, 3])
    assert [one.number for one in rounds] == [0, 1, 2]
    assert rounds[0].weights is None
    np.testing.assert_allclose(rounds[2].weights, toy.best, atol=1e-6)
    # (1 - (d + l) / 2) v + l / 2 with d = .6 and l = .2
    np.testing.assert_allclose(rounds[1].plane, 0.6 * rounds[0].plane + 0.1, atol=1e-6)


def test_rollouts_of_one_image_are_the_same_bit_for_bit(toy) -> None:
    def rounds(rollouts: int, image=RAMP, policy=None):
        game = Game(toy.bank, image, toy.segmenter(), 3)
        return play(game, policy or ConstantPolicy(toy.best), rollouts, 0.4)

    four = rounds(4)
    assert [(one.rollout, one.number) for one in four] == [
        (0, 0),
        *((rollout, number) for rollout in range(4) for number in (1, 2, 3)),
    ]
    for again in (rounds(1), rounds(2), rounds(4, RAMP.copy())):
        for one, other in zip(again, four, strict=False):
            assert one.plane.tobytes() == other.plane.tobytes()
    assert len({one.plane.tobytes() for one in four}) == 13
    game = four[0].game
    for at in (4, 7, 10):  # each rollout begins with the image as it came
        first = game.step(game.first, four[at].weights)
        assert first.plane.tobytes() == four[at].plane.tobytes()
    other = rounds(2, RAMP[::-1, ::-1])  # another image: the same policy, other noise
    np.testing.assert_array_equal(other[1].weights, four[1].weights)
    assert not np.allclose(other[4].weights, four[4].weights)


def test_noise_of_the_rollouts_has_its_spread_and_stays_in_the_box() -> None:
    middle = np.array([0.25, 0.5, 0.25])  # as an action (0, 1, 0)
    actions = []

    class Noting(Game):
        def play(self, state, action):
            actions.append(action)
            return State(state.plane, state.round + 1), middle, None

    play(Noting(None, RAMP, None, 500), ConstantPolicy(middle), 3, 0.4)
    drawn = np.array(actions).reshape(3, 500, 3)
    assert (drawn[0] == [0, 1, 0]).all()
    assert np.abs(drawn).max() <= 1
    for noisy in drawn[1:]:
        assert noisy[:, [0, 2]].std() == pytest.approx(0.4, rel=0.1)  # cut at 2.5 of it
        assert abs(noisy[:, [0, 2]].mean()) < 0.05
    assert abs(np.corrcoef(drawn[1, :, 0], drawn[2, :, 0])[0, 1]) < 0.15


def test_last_is_that_of_the_policy_as_it_is(toy) -> None:
    assert choose(played(toy, [1, 2, 3]), "last") == 2
    assert choose(played(toy, [1, 2, 3, 4, 5, 6, 7], rollouts=3), "last") == 2


def test_quality_takes_the_round_the_segmenter_trusts_most_round_0_included(toy) -> None:
    assert choose(played(toy, [1, 2, 3], [0.3, 0.9, 0.4]), "quality") == 1
    assert choose(played(toy, [1, 2, 3], [0.9, 0.3, 0.4]), "quality") == 0
    assert choose(played(toy, [1, 2, 3, 4, 5], [0.3, 0.5, 0.4, 0.9, 0.8], rollouts=2), "quality") == 3
    with pytest.raises(UsageError, match="'scripted' does not estimate its quality"):
        choose(played(toy, [1, 2, 3]), "quality")


def test_likeness_is_to_the_evidence_on_the_unfiltered_image_alone(toy) -> None:
    rounds = played(toy, [1, 2, 4, 3, 6], rollouts=2, evidence=[4, 2, 2, 2, 6])
    np.testing.assert_allclose(likenesses(rounds), [1 / 4, 2 / 4, 1, 3 / 4, 4 / 6])
    assert choose(rounds, "likeness") == 2
    assert choose(played(toy, [4, 2, 4], evidence=[4, 2, 4]), "likeness") == 0
    with pytest.raises(UsageError, match="'scripted' knows no supports"):
        choose(played(toy, [1, 2, 3], [0.3, 0.9, 0.4]), "likeness")


def test_agreement_by_hand(toy) -> None:
    # IoUs of neighbours: 1/4, 4/5, 5/6
    rounds = played(toy, [1, 4, 5, 6])
    np.testing.assert_allclose(
        agreements(rounds),
        [1 / 4, (1 / 4 + 4 / 5) / 2, (4 / 5 + 5 / 6) / 2, 5 / 6],
    )
    assert choose(rounds, "agreement") == 3


def test_agreement_stays_within_a_rollout_and_round_0_is_beside_each_first_one(toy) -> None:
    rounds = played(
        toy, [4, 2, 6, 8, 5, 5, 3], rollouts=3
    )  # rounds 1 and 2 of each: 2, 6 then 8, 5 then 5, 3
    np.testing.assert_allclose(
        agreements(rounds),
        [
            (2 / 4 + 0 + 4 / 5) / 3,  # 8 columns are everything, which agrees with nothing
            (2 / 4 + 2 / 6) / 2,
            2 / 6,
            0,
            0,
            (4 / 5 + 3 / 5) / 2,
            3 / 5,
        ],
    )
    assert choose(rounds, "agreement") == 5


def test_masks_of_nothing_or_everything_agree_with_nothing(toy) -> None:
    assert agreements(played(toy, [0, 0, 8, 8])).tolist() == [0, 0, 0, 0]
    assert choose(played(toy, [0, 0, 3, 4]), "agreement") == 3
    assert choose(played(toy, [0, 0, 0]), "agreement") == 2  # nothing tells: the last round


def test_the_oracle_needs_the_mask_and_says_what_it_is(toy) -> None:
    rounds = played(toy, [1, 4, 2])
    assert choose(rounds, "oracle", truth=mask(3)) == 1  # IoUs 1/3, 3/4, 2/3
    np.testing.assert_allclose(true_levels(rounds, mask(3), "iou"), [1 / 3, 3 / 4, 2 / 3])
    with pytest.raises(UsageError, match="the oracle round needs the true mask"):
        choose(rounds, "oracle")
    assert "oracle" in CHOICES["oracle"].lower()
    assert not any("oracle" in text.lower() for name, text in CHOICES.items() if name != "oracle")


class Critic:
    """Expects the mean tone of the image, whatever round it is said to be of; and notes what it was asked."""

    observation = "image"

    def __init__(self, weights) -> None:
        self.weights, self.asked = weights, []

    def act(self, observed):
        return action_of(self.weights)

    def value(self, observed, action) -> float:
        self.asked.append(action)
        return float(observed.mean()) / 255


@pytest.mark.parametrize("reward", ["iou", "iou_gain", "fb_iou", "fb_iou_gain"])
def test_critics_are_asked_what_leaving_each_image_as_it_is_pays(toy, reward) -> None:
    policy = Critic([0, 0.2, 0.8])  # v becomes v / 2 + .4
    rounds = played(toy, [1, 2, 3], policy=policy)
    tones = [0.4, 0.6, 0.7]
    np.testing.assert_allclose(expected_levels(rounds, policy, reward), tones, atol=0.002)
    np.testing.assert_array_equal(policy.asked, [[1, -1, -1]] * 3)  # the identity alone
    assert choose(rounds, "critic", policy=policy, reward=reward) == 2
    darker = Critic([0, 1, 0])
    assert choose(played(toy, [1, 2, 3], policy=darker), "critic", policy=darker, reward=reward) == 0


def test_critics_of_steps_are_asked_what_their_own_policy_still_gains(toy) -> None:
    policy = Critic([0, 1, 0])  # halves the tones
    rounds = played(toy, [1, 2, 3], policy=policy)
    np.testing.assert_allclose(expected_levels(rounds, policy, "iou_step"), [-0.4, -0.2, -0.1], atol=0.002)
    np.testing.assert_array_equal(policy.asked, [[-1, 1, -1]] * 3)
    assert choose(rounds, "critic", policy=policy, reward="iou_step") == 2


def test_critics_see_every_image_as_if_before_the_last_round(toy) -> None:
    class Blind(Critic):
        observation = "round"

        def value(self, observed, action) -> float:
            return float(observed[0])

    policy = Blind(toy.best)
    rounds = played(toy, [1, 2, 3, 4, 5, 6, 7], policy=policy, rollouts=2)
    assert expected_levels(rounds, policy, "iou").tolist() == [2] * 7  # T = 3
    assert choose(rounds, "critic", policy=policy) == 0  # equal rounds: the earliest


def test_parameters_of_the_bank_are_left_low_while_the_critics_are_asked() -> None:
    bank = make_bank(filters=("identity", "unsharp"), adjustable=(Adjustable("unsharp", "amount", 0.5, 3.0),))
    policy = Critic([0.5, 0.5])
    rounds = (Round(game := Game(bank, RAMP, Scripted([mask(1)]), 1), game.first),)
    expected_levels(rounds, policy, "iou")
    assert policy.asked[0].tolist() == [1, -1, -1]


def test_constant_mixes_have_no_critic(toy) -> None:
    with pytest.raises(UsageError, match="a constant mix has no critic"):
        choose(played(toy, [1, 2]), "critic", policy=ConstantPolicy(toy.best))
    with pytest.raises(UsageError, match="no choice of round named 'best'"):
        choose(played(toy, [1, 2]), "best")
