"""What a learner begins with: a backbone's weights, a policy to go on from, or a leaning to the identity."""

from __future__ import annotations

from pathlib import Path

import torch
from stable_baselines3 import TD3

from flawscope.errors import UsageError, WeightsError
from flawscope.sdie.environments import EPSILON, moments, normalised
from flawscope.sdie.policy import MlpPolicy
from flawscope.sdie.td3_resnets import ResNetPolicy, resnets_of


def fill_backbones(learner: TD3, path: str | Path) -> None:
    """Give the paper's networks ImageNet weights; raises UsageError or WeightsError."""
    from flawscope.sdie.resnet import fill_backbone

    if not isinstance(learner.policy, ResNetPolicy):
        raise UsageError("backbone weights are for the network resnet18", where=path)
    for part in resnets_of(learner):
        fill_backbone(part, path)
    learner.actor_target.load_state_dict(learner.actor.state_dict())
    learner.critic_target.load_state_dict(learner.critic.state_dict())


@torch.no_grad()
def go_on_from(learner: TD3, start: MlpPolicy) -> None:
    """Give the networks the layers of a policy, and keep its scale; raises WeightsError where they do not fit."""
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
def favour(learner: TD3, filters: int, identity: int, bias: float) -> None:
    """Lean the untrained actor towards the identity: ``bias`` up for it, down for each other filter."""
    last = [part for part in learner.actor.modules() if isinstance(part, torch.nn.Linear)][-1]
    last.bias[:filters] -= bias
    last.bias[identity] += 2 * bias
    learner.actor_target.load_state_dict(learner.actor.state_dict())
