import subprocess
import sys

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from flawscope.enhance.adjustable import Adjustable
from flawscope.enhance.presets import bank as make_bank
from flawscope.errors import DataError, MissingExtraError, UsageError
from flawscope.metrics import masks_iou
from flawscope.sdie import env as env_module
from flawscope.sdie.actions import action_of
from flawscope.sdie.env import EnhancementEnv
from flawscope.sdie.environments import vector_env
from flawscope.sdie.presets import make_settings
from flawscope.sdie.shots import Shot, symmetries
from flawscope.segment.regions import RegionSegmenter


@pytest.mark.parametrize(
    ("observation", "sparse"), [("image", False), ("evidence", False), ("evidence", True)]
)
def test_the_checkers_pass(small_bank, speckled, observation, sparse) -> None:
    image, mask = speckled
    shots = [Shot(image, mask, RegionSegmenter()), Shot(image[::-1].copy(), mask[::-1], RegionSegmenter())]

    def make() -> EnhancementEnv:
        return EnhancementEnv(shots, small_bank, observation=observation, rounds=2, sparse=sparse)

    check_env(make(), skip_render_check=True)
    sb3_check_env(make())


def test_an_episode_pays_the_gain_and_ends_after_the_last_round(small_bank, speckled) -> None:
    image, mask = speckled
    segmenter = RegionSegmenter()
    env = EnhancementEnv([Shot(image, mask, segmenter)], small_bank, rounds=3)
    _, info = env.reset(seed=0)
    first = masks_iou(segmenter.segment(np.repeat(image[:, :, None], 3, 2)).probability[0] > 0.5, mask > 0)
    assert info["index"] == pytest.approx(first)
    action = action_of([0.1, 0.2, 0.6, 0.1])
    for number in (1, 2, 3):
        _, reward, terminated, truncated, info = env.step(action)
        assert reward == pytest.approx(info["index"] - first)
        assert terminated == (number == 3)
        assert not truncated
    assert len(info["indices"]) == 4
    assert info["indices"][0] == pytest.approx(first)


def test_the_best_action_of_the_toy_pays_everything(toy) -> None:
    env = EnhancementEnv([toy.shot()], toy.bank, reward="iou", rounds=1, observation="round")
    env.reset(seed=0)
    assert env.step(action_of(toy.best))[1] == 1.0


def test_every_shot_comes_once_before_any_comes_again_in_a_seeded_order(toy) -> None:
    shots = [toy.shot(source=f"s{number}") for number in range(5)]
    env = EnhancementEnv(shots, toy.bank, rounds=1, observation="round")

    def order(seed: int) -> list[int]:
        played = [env.reset(seed=seed)[1]["shot"]]
        return played + [env.reset()[1]["shot"] for _ in range(9)]

    once = order(3)
    assert sorted(once[:5]) == sorted(once[5:]) == list(range(5))
    assert order(3) == once
    assert any(order(seed) != once for seed in range(4, 8))
    assert env.reset(options={"shot": 4})[1]["shot"] == 4


def test_adjustable_parameters_are_actions(speckled) -> None:
    image, mask = speckled
    moving = make_bank(
        filters=("identity", "unsharp"), adjustable=(Adjustable("unsharp", "amount", 0.5, 3.0),)
    )
    env = EnhancementEnv([Shot(image, mask, RegionSegmenter())], moving, rounds=1, observation="image")
    assert env.action_space.shape == (3,)
    env.reset(seed=0)
    weak = env.step(np.array([-1, 1, -1], np.float32))[0]
    env.reset(seed=0)
    strong = env.step(np.array([-1, 1, 1], np.float32))[0]
    assert strong.std() > weak.std() > image.std()


def test_games_driven_from_memory_play_the_same(small_bank, speckled, monkeypatch) -> None:
    def played() -> list[np.ndarray]:
        env = EnhancementEnv(shots, small_bank, rounds=1)
        env.reset(seed=0)
        generator, seen = np.random.default_rng(0), []
        for _ in range(2 * len(shots)):
            seen.append(env.step(generator.uniform(-1, 1, len(small_bank)).astype(np.float32))[0])
            env.reset()
        held.append(env._firsts.held)
        return seen

    image, mask = speckled
    shots = symmetries(Shot(image[40:130, 70:170], mask[40:130, 70:170], RegionSegmenter()))
    held: list[int] = []
    plenty = played()
    monkeypatch.setattr(env_module, "SHARED", 1)
    np.testing.assert_array_equal(played(), plenty)
    assert held[1] < held[0] / 3


def test_a_snapshot_between_episodes_goes_on_alike(toy) -> None:
    shots = [toy.shot(source=f"s{number}") for number in range(4)]
    one = EnhancementEnv(shots, toy.bank, rounds=1, observation="round")
    one.reset(seed=1), one.reset()
    other = EnhancementEnv(shots, toy.bank, rounds=1, observation="round")
    other.restore(one.snapshot())
    assert [one.reset()[1]["shot"] for _ in range(9)] == [other.reset()[1]["shot"] for _ in range(9)]


def test_side_by_side_environments_differ_in_order_and_normalise(toy) -> None:
    shots = [toy.shot(source=f"s{number}") for number in range(6)]
    settings = make_settings("default", {"envs": 2, "rounds": 1, "observation": "round"})
    vector = vector_env(shots, toy.bank, settings)
    vector.seed(0)
    vector.reset()
    played = []
    for _ in range(6):
        infos = vector.step(np.zeros((2, 3), np.float32))[3]
        played.append([info["shot"] for info in infos])
    columns = np.array(played).T
    assert sorted(columns[0]) == sorted(columns[1]) == list(range(6))
    assert columns[0].tolist() != columns[1].tolist()
    vector.close()


def test_the_toolkit_is_named_where_it_is_missing() -> None:
    code = """
import sys
sys.modules["gymnasium"] = None
from flawscope.errors import MissingExtraError
try:
    import flawscope.sdie.env
except MissingExtraError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == str(MissingExtraError("gymnasium", "fewshot"))


@pytest.mark.slow
def test_processes_play_the_same(small_bank, speckled) -> None:
    image, mask = speckled
    settings = make_settings("default", {"envs": 2, "rounds": 2})
    answers = []
    for processes in (False, True):
        vector = vector_env([Shot(image, mask, RegionSegmenter())], small_bank, settings, processes=processes)
        vector.seed(0)
        vector.reset()
        answers.append(vector.step(np.full((2, 4), 0.5, np.float32)))
        vector.close()
    np.testing.assert_array_equal(answers[0][0], answers[1][0])
    np.testing.assert_array_equal(answers[0][1], answers[1][1])


def test_what_cannot_be_played(toy) -> None:
    with pytest.raises(DataError, match="no labelled images"):
        EnhancementEnv([], toy.bank)
    with pytest.raises(UsageError, match="no reward named"):
        EnhancementEnv([toy.shot()], toy.bank, reward="joy")
