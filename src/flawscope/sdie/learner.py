"""stable-baselines3's TD3 set up by a preset, and its policy for inference."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import TD3
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import VectorizedActionNoise
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.td3.policies import TD3Policy

from flawscope.enhance.bank import FilterBank
from flawscope.errors import UsageError
from flawscope.sdie.actions import identity_of
from flawscope.sdie.beginning import favour, fill_backbones, go_on_from
from flawscope.sdie.environments import CLIP, EPSILON, moments, normalised
from flawscope.sdie.noise import FallingNoise
from flawscope.sdie.observation import observation
from flawscope.sdie.policy import Layers, MlpPolicy, Policy
from flawscope.sdie.presets import Settings
from flawscope.sdie.td3_resnets import ResNetPolicy, resnets_of


def make_learner(
    env: VecEnv,
    bank: FilterBank,
    settings: Settings,
    *,
    seed: int,
    device: str = "cpu",
    backbone_weights: str | Path | None = None,
    start: MlpPolicy | None = None,
) -> TD3:
    """A TD3 agent with fresh networks, or with those of a policy to go on from.

    Raises:
        UsageError: the network does not fit the observation, or the bank has no identity to favour.
        WeightsError: the backbone's weights, or those of ``start``, do not fit.
    """
    picture = observation(settings.observation).picture
    if picture != (settings.network == "resnet18"):
        raise UsageError(
            f"the network {settings.network} cannot read the observation {settings.observation}",
            remedy="Use resnet18 with image, mlp with any other",
        )
    length = get_action_dim(env.action_space)
    noise = VectorizedActionNoise(FallingNoise(length, settings, seed, 0), settings.envs)
    noise.noises = [FallingNoise(length, settings, seed, number) for number in range(settings.envs)]
    options: dict[str, Any] = {"normalize_images": False}
    if not picture:
        options["net_arch"] = list(settings.hidden)
    learner = TD3(
        ResNetPolicy if picture else TD3Policy,
        env,
        learning_rate=settings.lr,
        buffer_size=settings.buffer,
        learning_starts=settings.warmup,
        batch_size=settings.batch,
        tau=settings.tau,
        gamma=settings.discount,
        train_freq=(1, "step"),
        gradient_steps=settings.gradient_steps,
        action_noise=noise,
        policy_delay=settings.policy_delay,
        target_policy_noise=settings.smoothing,
        target_noise_clip=settings.smoothing_clip,
        policy_kwargs=options,
        seed=seed,
        device=device,
    )
    learner.set_logger(Logger(folder=None, output_formats=[]))
    if backbone_weights is not None:
        fill_backbones(learner, backbone_weights)
    if start is not None:
        go_on_from(learner, start)
    elif settings.identity_bias:
        favour(learner, len(bank), identity_of(bank), settings.identity_bias)
    return learner


def policy_of(learner: TD3, settings: Settings) -> Policy:
    """The learner's policy and critics as inference runs them, copied."""
    if settings.network == "resnet18":
        from flawscope.sdie.resnet_policy import ResNetPolicy

        actor, first, second = copy.deepcopy(resnets_of(learner))
        return ResNetPolicy((actor, first, second), str(learner.device))
    known = moments(normalised(learner))
    return MlpPolicy(
        settings.observation,
        _linear(learner.actor.mu),
        tuple(_linear(critic) for critic in learner.critic.q_networks),
        np.array(known.mean),
        np.array(known.var + EPSILON),
        CLIP,
    )


def _linear(network: torch.nn.Module) -> Layers:
    return tuple(
        (part.weight.detach().cpu().numpy().copy(), part.bias.detach().cpu().numpy().copy())
        for part in network.modules()
        if isinstance(part, torch.nn.Linear)
    )
