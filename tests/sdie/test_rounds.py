import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.sdie.game import Game
from flawscope.sdie.policy import ConstantPolicy
from flawscope.sdie.rounds import CHOICES, agreements, choose, expected_levels, play, true_levels
from flawscope.segment.base import Segmentation


class Scripted:
    """Answers with masks and qualities in the order of the rounds."""

    name, labels, threshold = "scripted", ("defect",), 0.5

    def __init__(self, masks, qualities=None) -> None:
        self.masks, self.qualities, self.asked = masks, qualities, 0

    def segment(self, image, prompts=None):
        number, self.asked = self.asked, self.asked + 1
        quality = None if self.qualities is None else self.qualities[number]
        return Segmentation(self.masks[number][None].astype(np.float32), quality)


def mask(columns: int) -> np.ndarray:
    made = np.zeros((4, 8), bool)
    made[:, :columns] = True
    return made


def played(toy, columns, qualities=None, policy=None):
    image = np.tile(np.linspace(0.2, 0.6, 8, dtype=np.float32), (4, 1))
    segmenter = Scripted([mask(number) for number in columns], qualities)
    game = Game(toy.bank, image, segmenter, len(columns) - 1)
    rounds = play(game, policy or ConstantPolicy(toy.best))
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


def test_last(toy) -> None:
    assert choose(played(toy, [1, 2, 3]), "last") == 2


def test_quality_takes_the_round_the_segmenter_trusts_most_round_0_included(toy) -> None:
    assert choose(played(toy, [1, 2, 3], [0.3, 0.9, 0.4]), "quality") == 1
    assert choose(played(toy, [1, 2, 3], [0.9, 0.3, 0.4]), "quality") == 0
    with pytest.raises(UsageError, match="'scripted' does not estimate its quality"):
        choose(played(toy, [1, 2, 3]), "quality")


def test_agreement_by_hand(toy) -> None:
    # IoUs of neighbours: 1/4, 4/5, 5/6
    rounds = played(toy, [1, 4, 5, 6])
    np.testing.assert_allclose(
        agreements([one.seen.foreground for one in rounds]),
        [1 / 4, (1 / 4 + 4 / 5) / 2, (4 / 5 + 5 / 6) / 2, 5 / 6],
    )
    assert choose(rounds, "agreement") == 3


def test_masks_of_nothing_or_everything_agree_with_nothing(toy) -> None:
    assert agreements([mask(0), mask(0), mask(8), mask(8)]).tolist() == [0, 0, 0, 0]
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


class Knowing(ConstantPolicy):
    """Its critics know the discounted rewards to come: Q(t) of the rewards given."""

    def value(self, observed, action) -> float:
        values, discount = self.known
        return sum(discount**later * paid for later, paid in enumerate(values[int(observed[0]) :]))


@pytest.mark.parametrize(
    ("reward", "paid", "expected", "best"),
    [
        ("iou_gain", [0.1, 0.4, -0.2], [0, 0.1, 0.4, -0.2], 2),
        ("iou_gain", [-0.1, -0.4, -0.2], [0, -0.1, -0.4, -0.2], 0),
        ("iou_step", [0.1, 0.4, -0.2], [0, 0.1, 0.5, 0.3], 2),
    ],
)
def test_critics_that_know_the_rewards_find_the_best_round(toy, reward, paid, expected, best) -> None:
    policy = Knowing(toy.best)
    object.__setattr__(policy, "known", (paid, 0.8))
    rounds = played(toy, [1, 2, 3, 4], policy=policy)
    np.testing.assert_allclose(expected_levels(rounds, policy, reward, 0.8), expected, atol=1e-12)
    assert choose(rounds, "critic", policy=policy, reward=reward, discount=0.8) == best


def test_critics_of_an_absolute_reward_weigh_a_round_that_changes_nothing(toy) -> None:
    class Level(ConstantPolicy):
        def value(self, observed, action) -> float:
            """0.6 now if the action is to do nothing, else 0.5, and 0.5 in every round after; 3 rounds."""
            now = 0.6 if np.allclose(action, [1, -1, -1]) else 0.5
            return now + sum(0.5 * 0.8**later for later in range(1, 3 - int(observed[0])))

    policy = Level(toy.best)
    rounds = played(toy, [1, 2, 3, 4], policy=policy)
    np.testing.assert_allclose(expected_levels(rounds, policy, "iou", 0.8), [0.6, 0.5, 0.5, 0.5])
    assert choose(rounds, "critic", policy=policy, reward="iou", discount=0.8) == 0


def test_constant_mixes_have_no_critic(toy) -> None:
    with pytest.raises(UsageError, match="a constant mix has no critic"):
        choose(played(toy, [1, 2]), "critic", policy=ConstantPolicy(toy.best))
    with pytest.raises(UsageError, match="no choice of round named 'best'"):
        choose(played(toy, [1, 2]), "best")
