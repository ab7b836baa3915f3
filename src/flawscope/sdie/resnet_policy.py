"""The paper's policy and critics at inference, in torch; no stable-baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from flawscope.sdie.resnet import ResNetActor, ResNetCritic
from flawscope.segment.network import fill, torch_device

PARTS = ("actor", "critic0", "critic1")


class ResNetPolicy:
    """A ResNet-18 and its twin critics on the image observation; a :class:`flawscope.sdie.policy.Policy`.

    Args:
        parts: actor and two critics.
        device: ``auto``, ``cpu`` or ``cuda:N``.
    """

    observation = "image"

    def __init__(self, parts: tuple[ResNetActor, ResNetCritic, ResNetCritic], device: str = "cpu") -> None:
        self.device = torch_device(device)
        self.actor, *self.critics = (part.to(self.device).eval() for part in parts)

    @torch.inference_mode()
    def act(self, observed: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The action, ``(k,)`` in -1 to 1, for ``(1, h, w)`` pixels 0 to 255."""
        answer: npt.NDArray[np.float32] = self.actor(self._batch(observed))[0].cpu().numpy()
        return answer

    @torch.inference_mode()
    def value(self, observed: npt.NDArray[Any], action: npt.NDArray[Any]) -> float:
        """The smaller of the critics' answers."""
        pixels, numbers = self._batch(observed), self._batch(np.asarray(action, dtype=np.float32))
        return min(float(critic(pixels, numbers)) for critic in self.critics)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The state dicts, under ``actor.``, ``critic0.`` and ``critic1.``."""
        return {
            f"{name}.{key}": value.cpu().numpy()
            for name, part in zip(PARTS, (self.actor, *self.critics), strict=True)
            for key, value in part.state_dict().items()
        }

    def _batch(self, values: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)[None]).to(self.device)


def resnet_policy(
    tensors: Mapping[str, npt.NDArray[Any]], where: str, actions: int, device: str
) -> ResNetPolicy:
    """The policy of an artefact's tensors; raises WeightsError when they do not fit."""
    parts = (ResNetActor(actions), ResNetCritic(actions), ResNetCritic(actions))
    for name, part in zip(PARTS, parts, strict=True):
        start = name + "."
        own = {
            key.removeprefix(start): torch.from_numpy(value)
            for key, value in tensors.items()
            if key.startswith(start)
        }
        fill(part, own, where)
    return ResNetPolicy(parts, device)
