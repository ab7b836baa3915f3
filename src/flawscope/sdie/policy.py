"""Policies without stable-baselines3: what an artefact holds and inference runs.

An MLP and its two critics run in numpy; the paper's ResNets need torch (see ``sdie.resnet``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flawscope.errors import UsageError, WeightsError
from flawscope.sdie.actions import action_of

Action = npt.NDArray[np.float32]
Layers = tuple[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], ...]
Tensors = Mapping[str, npt.NDArray[Any]]


def fingerprint_of(policy: Policy) -> str:
    """SHA-256 of everything a policy knows; two policies that act alike everywhere may differ in it."""
    digest = hashlib.sha256()
    for name, tensor in sorted(policy.tensors().items()):
        digest.update(name.encode() + np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


class Policy(Protocol):
    """Chooses the mix of a round."""

    @property
    def observation(self) -> str:
        """Which observation it wants, see ``sdie.observation``."""
        ...

    def act(self, observed: npt.NDArray[Any]) -> Action:
        """The action, ``(k,)`` in -1 to 1."""
        ...

    def value(self, observed: npt.NDArray[Any], action: npt.NDArray[Any]) -> float:
        """Discounted reward to expect from this round on: the smaller of the two critics' answers."""
        ...

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Everything it knows, for an artefact."""
        ...


@dataclass(frozen=True, eq=False)
class ConstantPolicy:
    """The same mix for every image, as a constant-mix search finds it.

    Attributes:
        weights: ``(n,)`` on the simplex.
    """

    weights: npt.NDArray[np.float64]
    observation: str = field(default="round", init=False)

    def act(self, observed: npt.NDArray[Any]) -> Action:
        """The action that gives the weights."""
        del observed
        return action_of(self.weights)

    def value(self, observed: npt.NDArray[Any], action: npt.NDArray[Any]) -> float:
        """There is no critic: raises UsageError."""
        del observed, action
        raise UsageError(
            "a constant mix has no critic",
            where="choice of round",
            remedy="Use last, quality, likeness or agreement",
        )

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """``weights``."""
        return {"weights": self.weights}


@dataclass(frozen=True, eq=False)
class MlpPolicy:
    """A multilayer perceptron on a normalised vector, with its twin critics, in numpy.

    Attributes:
        observation: name of the vector.
        actor: ``(out, in)`` weights and ``(out,)`` biases of each layer; ReLU between, tanh at the end.
        critics: the same for each critic, on the vector joined with the action; no tanh.
        mean, variance: of the observation, ``float64``; the variance includes what keeps it from 0.
        clip: normalised observations are cut to plus and minus this.
    """

    observation: str
    actor: Layers
    critics: tuple[Layers, ...]
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    clip: float = 10.0

    def act(self, observed: npt.NDArray[Any]) -> Action:
        """The action, ``(k,)`` in -1 to 1."""
        return np.tanh(_run(self.actor, self._normalised(observed)))

    def value(self, observed: npt.NDArray[Any], action: npt.NDArray[Any]) -> float:
        """The smaller of the critics' answers."""
        joined = np.concatenate([self._normalised(observed), np.asarray(action, dtype=np.float32)])
        return min(float(_run(critic, joined)[0]) for critic in self.critics)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Layers by ``actor.i.weight``, ``critic0.i.bias`` and so on, and ``norm.mean``, ``norm.variance``."""
        named: dict[str, npt.NDArray[Any]] = {"norm.mean": self.mean, "norm.variance": self.variance}
        parts = {"actor": self.actor} | {f"critic{number}": part for number, part in enumerate(self.critics)}
        for name, layers in parts.items():
            for number, (weight, bias) in enumerate(layers):
                named[f"{name}.{number}.weight"], named[f"{name}.{number}.bias"] = weight, bias
        return named

    def _normalised(self, observed: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        scaled = (observed - self.mean) / np.sqrt(self.variance)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)


def mlp_policy(tensors: Tensors, observation: str, where: str, actions: int, length: int) -> MlpPolicy:
    """The policy of an artefact's tensors.

    Args:
        tensors: as :meth:`MlpPolicy.tensors` gave them.
        observation: name of the vector.
        where: the file, for messages.
        actions: numbers an action must have.
        length: numbers an observation must have.

    Raises:
        WeightsError: a tensor is missing or of another shape.
    """
    parts = [_layers(tensors, name, where) for name in ("actor", "critic0", "critic1")]
    norm = [tensors.get(f"norm.{name}") for name in ("mean", "variance")]
    widths = [(length, actions), (length + actions, 1), (length + actions, 1)]
    fits = all(
        part[0][0].shape[1] == given and part[-1][0].shape[0] == answered
        for part, (given, answered) in zip(parts, widths, strict=True)
    )
    mean, variance = norm
    if mean is None or variance is None or mean.shape != (length,) or variance.shape != (length,) or not fits:
        raise WeightsError(
            f"a policy for other observations or filters than '{observation}' ({length} numbers, "
            f"{actions} actions)",
            where=where,
            remedy="Copy sdie.json and policy.safetensors together",
        )
    return MlpPolicy(observation, parts[0], (parts[1], parts[2]), mean, variance)


def _layers(tensors: Tensors, name: str, where: str) -> Layers:
    layers: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []
    while f"{name}.{len(layers)}.weight" in tensors:
        weight = tensors[f"{name}.{len(layers)}.weight"]
        bias = tensors.get(f"{name}.{len(layers)}.bias")
        before = layers[-1][0].shape[0] if layers else None
        if bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise WeightsError(
                f"layer {len(layers)} of {name} is not whole", where=where, remedy="Copy it again"
            )
        if before is not None and weight.shape[1] != before:
            raise WeightsError(f"the layers of {name} do not fit", where=where, remedy="Copy it again")
        layers.append((weight, bias))
    if not layers:
        raise WeightsError(f"holds no {name}", where=where, remedy="Copy it again")
    return tuple(layers)


def _run(layers: Layers, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    for number, (weight, bias) in enumerate(layers):
        values = weight @ values + bias
        if number < len(layers) - 1:
            values = np.maximum(values, np.float32(0))
    return values
