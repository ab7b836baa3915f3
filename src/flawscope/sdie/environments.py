"""Games side by side for a learner, their observations normalised."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from stable_baselines3 import TD3
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecNormalize

from flawscope.enhance.bank import FilterBank
from flawscope.sdie.env import EnhancementEnv
from flawscope.sdie.observation import observation
from flawscope.sdie.presets import Settings
from flawscope.sdie.shots import Shot

CLIP, EPSILON = 10.0, 1e-4
"""Normalised observations are clipped to +-10; the variance is at least 1e-4, so that what hardly varied in
training cannot explode later."""


def vector_env(
    shots: Sequence[Shot], bank: FilterBank, settings: Settings, *, processes: bool = False
) -> VecEnv:
    """The environments of a training, side by side, with normalised observations unless they are pictures.

    Args:
        shots: labelled images; every environment plays all of them, in its own order.
        bank: filters to mix.
        settings: of the preset.
        processes: a process for each environment; pays when the segmenter is slow and cores are free.
    """
    make = functools.partial(
        EnhancementEnv,
        list(shots),
        bank,
        reward=settings.reward,
        rounds=settings.rounds,
        observation=settings.observation,
        sparse=settings.sparse,
    )
    makers: list[Callable[[], Any]] = [make] * settings.envs
    plain: VecEnv = SubprocVecEnv(makers) if processes else DummyVecEnv(makers)
    picture = observation(settings.observation).picture
    return VecNormalize(
        plain,
        norm_obs=not picture,
        norm_reward=False,
        clip_obs=CLIP,
        epsilon=EPSILON,
        gamma=settings.discount,
    )


def normalised(learner: TD3) -> VecNormalize:
    """The learner's environments."""
    env = learner.get_env()
    assert isinstance(env, VecNormalize)
    return env


def moments(env: VecNormalize) -> RunningMeanStd:
    """Running mean and variance of the observations."""
    known = env.obs_rms
    assert isinstance(known, RunningMeanStd)
    return known
