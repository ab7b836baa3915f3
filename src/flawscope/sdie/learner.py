"""stable-baselines3's TD3 set up by a preset: networks, noise, vectorised environments."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.enhance.bank import FilterBank
from flawscope.errors import MissingExtraError, UsageError, WeightsError
from flawscope.sdie.env import EnhancementEnv
from flawscope.sdie.game import identity_of
from flawscope.sdie.observation import observation
from flawscope.sdie.policy import Layers, MlpPolicy, Policy
from flawscope.sdie.presets import Settings
from flawscope.sdie.shots import Shot

try:
    import torch
    from stable_baselines3 import TD3
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.noise import ActionNoise, VectorizedActionNoise
    from stable_baselines3.common.preprocessing import get_action_dim
    from stable_baselines3.common.running_mean_std import RunningMeanStd
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecNormalize
    from stable_baselines3.td3.policies import TD3Policy
except ImportError as error:
    raise MissingExtraError(error.name or "stable_baselines3", "fewshot") from error

CLIP, EPSILON = 10.0, 1e-4
"""Normalised observations are clipped to +-10; the variance is at least 1e-4, so that what hardly varied in
training cannot explode later."""


class FallingNoise(ActionNoise):
    """Gaussian noise whose spread falls linearly; each draw follows from seed, environment and step alone.

    Args:
        length: numbers in an action.
        settings: ``noise``, ``noise_end``, ``noise_shared``, ``warmup``, ``steps`` and ``envs``.
        seed: of the run.
        env: number of the environment.
    """

    def __init__(self, length: int, settings: Settings, seed: int, env: int) -> None:
        super().__init__()
        self.calls = 0
        self._length, self._settings, self._seed, self._env = length, settings, seed, env

    def sigma(self, step: int) -> float:
        """Standard deviation at an environment step; 0 while actions are random anyway."""
        told = self._settings
        if step < told.warmup:
            return 0.0
        share = (step - told.warmup) / max(told.steps - told.warmup, 1)
        return told.noise + (told.noise_end - told.noise) * min(share, 1.0)

    def __call__(self) -> npt.NDArray[np.float32]:
        """The next draw, ``(length,)``."""
        step = self.calls * self._settings.envs
        generator = np.random.default_rng((self._seed, self._env, self.calls))
        self.calls += 1
        drawn = generator.standard_normal(1 if self._settings.noise_shared else self._length)
        return np.broadcast_to(drawn * self.sigma(step), (self._length,)).astype(np.float32)


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
        _ResNetPolicy if picture else TD3Policy,
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
        _fill_backbones(learner, backbone_weights)
    if start is not None:
        _go_on_from(learner, start)
    elif settings.identity_bias:
        _favour(learner, len(bank), identity_of(bank), settings.identity_bias)
    return learner


class _Resnets(torch.nn.Module):
    """What TD3 asks of a policy's parts: a mode, an optimiser, and the critics in one."""

    def __init__(self, parts: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleList(parts)
        self.optimizer: Any = None

    def set_training_mode(self, mode: bool) -> None:
        self.train(mode)

    def forward(self, *inputs: torch.Tensor) -> Any:
        answers = tuple(part(*inputs) for part in self.parts)
        return answers if len(inputs) == 2 else answers[0]

    def q1_forward(self, pixels: torch.Tensor, action: torch.Tensor) -> Any:
        return self.parts[0](pixels, action)


class _ResNetPolicy(TD3Policy):
    """TD3's policy with the paper's networks; nothing is shared between them."""

    def make_actor(self, features_extractor: Any = None) -> Any:
        from flawscope.sdie.resnet import ResNetActor

        del features_extractor
        return _Resnets([ResNetActor(get_action_dim(self.action_space))]).to(self.device)

    def make_critic(self, features_extractor: Any = None) -> Any:
        from flawscope.sdie.resnet import ResNetCritic

        del features_extractor
        length = get_action_dim(self.action_space)
        return _Resnets([ResNetCritic(length), ResNetCritic(length)]).to(self.device)


def _fill_backbones(learner: TD3, path: str | Path) -> None:
    from flawscope.sdie.resnet import fill_backbone

    if not isinstance(learner.policy, _ResNetPolicy):
        raise UsageError("backbone weights are for the network resnet18", where=path)
    for part in _parts(learner):
        fill_backbone(part, path)
    learner.actor_target.load_state_dict(learner.actor.state_dict())
    learner.critic_target.load_state_dict(learner.critic.state_dict())


@torch.no_grad()
def _go_on_from(learner: TD3, start: MlpPolicy) -> None:
    known_layers = start.actor, tuple(layer for critic in start.critics for layer in critic)
    for network, layers in zip((learner.actor, learner.critic), known_layers, strict=True):
        linear = [part for part in network.modules() if isinstance(part, torch.nn.Linear)]
        if [tuple(part.weight.shape) for part in linear] != [weight.shape for weight, _ in layers]:
            raise WeightsError(
                "the policy to start from has other layers than this preset",
                where="start",
                remedy="Use the preset it was trained with, or start afresh",
            )
        for part, (weight, bias) in zip(linear, layers, strict=True):
            part.weight.copy_(torch.from_numpy(weight))
            part.bias.copy_(torch.from_numpy(bias))
    learner.actor_target.load_state_dict(learner.actor.state_dict())
    learner.critic_target.load_state_dict(learner.critic.state_dict())
    env = normalised(learner)
    known = moments(env)
    known.mean, known.var = start.mean.copy(), start.variance - EPSILON
    env.training = False  # the scale it was learnt in stays


@torch.no_grad()
def _favour(learner: TD3, filters: int, identity: int, bias: float) -> None:
    last = [part for part in learner.actor.modules() if isinstance(part, torch.nn.Linear)][-1]
    last.bias[:filters] -= bias
    last.bias[identity] += 2 * bias
    learner.actor_target.load_state_dict(learner.actor.state_dict())


def policy_of(learner: TD3, settings: Settings) -> Policy:
    """The learner's policy and critics as inference runs them, copied."""
    if settings.network == "resnet18":
        from flawscope.sdie.resnet_policy import ResNetPolicy

        actor, first, second = copy.deepcopy(_parts(learner))
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


def _parts(learner: TD3) -> list[Any]:
    """Actor and two critics of the paper's networks."""
    networks: list[Any] = [learner.actor, learner.critic]
    return [part for network in networks for part in network.parts]


def _linear(network: torch.nn.Module) -> Layers:
    return tuple(
        (part.weight.detach().cpu().numpy().copy(), part.bias.detach().cpu().numpy().copy())
        for part in network.modules()
        if isinstance(part, torch.nn.Linear)
    )
