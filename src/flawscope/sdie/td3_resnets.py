"""The paper's ResNets as the actor and critics of stable-baselines3's TD3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from stable_baselines3 import TD3
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.td3.policies import TD3Policy


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


class ResNetPolicy(TD3Policy):
    """TD3's policy with the paper's networks; nothing is shared between them."""

    def make_actor(self, features_extractor: Any = None) -> Any:
        """The paper's policy."""
        from flawscope.sdie.resnet import ResNetActor

        del features_extractor
        return _Resnets([ResNetActor(get_action_dim(self.action_space))]).to(self.device)

    def make_critic(self, features_extractor: Any = None) -> Any:
        """The paper's twin critics."""
        from flawscope.sdie.resnet import ResNetCritic

        del features_extractor
        length = get_action_dim(self.action_space)
        return _Resnets([ResNetCritic(length), ResNetCritic(length)]).to(self.device)


def resnets_of(learner: TD3) -> list[Any]:
    """Actor and two critics of the paper's networks."""
    networks: list[Any] = [learner.actor, learner.critic]
    return [part for network in networks for part in network.parts]
