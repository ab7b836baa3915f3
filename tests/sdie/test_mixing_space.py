"""What a random action means: often nothing, otherwise a mix of few filters."""

import copy
import pickle

import numpy as np
import pytest

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.presets import bank as make_bank
from flawscope.enhance.simplex import simplex
from flawscope.errors import UsageError
from flawscope.sdie.env import EnhancementEnv
from flawscope.sdie.mixing_space import MixingSpace


def mixes(space: MixingSpace, count: int, filters: int) -> np.ndarray:
    return np.array([simplex(space.sample()[:filters]) for _ in range(count)])


def test_a_quarter_leaves_the_image_alone_and_the_others_are_a_sparse_dirichlet() -> None:
    bank = make_bank(filters=("unsharp", "identity", "median", "clahe"))
    space = MixingSpace(bank)
    space.seed(0)
    drawn = mixes(space, 4000, 4)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    still = np.isclose(drawn, np.eye(4)[1]).all(axis=1)
    assert still.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000))
    others = drawn[~still]
    # of a Dirichlet distribution of n numbers a: mean 1 / n, variance (1 / n) (1 - 1 / n) / (n a + 1), a = 1 / 2
    np.testing.assert_allclose(others.mean(axis=0), 1 / 4, atol=0.02)
    np.testing.assert_allclose(others.var(axis=0), (1 / 4) * (3 / 4) / 3, atol=0.005)


def test_draws_are_actions_and_parameters_are_uniform() -> None:
    bank = make_bank(filters=("identity", "unsharp"), adjustable=(Adjustable("unsharp", "amount", 0.5, 3.0),))
    space = MixingSpace(bank)
    space.seed(3)
    drawn = np.array([space.sample() for _ in range(2000)])
    assert drawn.dtype == np.float32
    assert drawn.shape == (2000, 3)
    assert all(one in space for one in drawn)
    assert (drawn[:, :2].max(axis=1) == 1).all()  # scaled by the largest weight
    assert drawn[:, 2].mean() == pytest.approx(0, abs=0.06)
    assert drawn[:, 2].std() == pytest.approx(1 / np.sqrt(3), abs=0.03)


def test_a_seed_gives_the_same_draws_also_of_a_copy(small_bank) -> None:
    one, other = MixingSpace(small_bank), MixingSpace(small_bank)
    one.seed(5), other.seed(5)
    for copied in (other, copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        again = MixingSpace(small_bank)
        again.seed(5)
        np.testing.assert_array_equal(mixes(copied, 20, 4), mixes(again, 20, 4))


def test_environments_have_it_where_they_are_told_so(toy) -> None:
    for sparse in (False, True):
        env = EnhancementEnv([toy.shot()], toy.bank, observation="round", sparse=sparse)
        assert isinstance(env.action_space, MixingSpace) == sparse
        env.action_space.seed(0)
        largest = np.mean([env.action_space.sample().max() == 1 for _ in range(50)])
        assert (largest == 1) == sparse


def test_a_bank_without_an_identity_has_none() -> None:
    with pytest.raises(UsageError, match="no identity filter"):
        MixingSpace(make_bank(filters=("unsharp", "median")))
