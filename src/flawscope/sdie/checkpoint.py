"""The state a training is resumed from: one safetensors file, nothing pickled.

Between episodes it is complete: networks, optimisers, the replay buffer, the normalisation, and the states of
every generator (torch, numpy, Python, the action space, the environments). Exploration noise and segmenters
keep none.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from stable_baselines3 import TD3

from flawscope.errors import UsageError
from flawscope.outputs import atomic
from flawscope.sdie.environments import moments, normalised

NETWORKS = ("actor", "actor_target", "critic", "critic_target")
BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
KEY = "flawscope"

Arrays = dict[str, npt.NDArray[Any]]


def save_checkpoint(learner: TD3, path: Path, log: dict[str, Any]) -> None:
    """Write everything, whole or not at all; call it between episodes.

    Args:
        learner: between two calls of ``learn`` that end with an episode.
        path: the file.
        log: what else to keep, JSON.
    """
    arrays: Arrays = {}
    for name in NETWORKS:
        _put(arrays, name, getattr(learner, name).state_dict())
    for name in ("actor", "critic"):
        for number, entry in getattr(learner, name).optimizer.state_dict()["state"].items():
            _put(arrays, f"{name}.optimizer.{number}", entry)
    buffer = learner.replay_buffer
    assert buffer is not None
    for name in BUFFER:
        arrays[f"buffer.{name}"] = np.ascontiguousarray(getattr(buffer, name)[: buffer.size()])
    env = normalised(learner)
    if env.norm_obs:
        known = moments(env)
        arrays["norm.mean"], arrays["norm.var"] = known.mean, known.var
        arrays["norm.count"] = np.array([known.count], np.float64)
    if learner._last_obs is not None:
        arrays["last.normalised"] = np.asarray(learner._last_obs)
        arrays["last.plain"] = np.asarray(learner._last_original_obs)
    arrays["torch"] = torch.get_rng_state().numpy()
    if learner.device.type == "cuda":
        arrays["cuda"] = torch.cuda.get_rng_state(learner.device).numpy()
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 (SB3's buffer draws from it)
    arrays["numpy"] = np.asarray(keys)
    state = {
        "numpy": [kind, position, has_gauss, gauss],
        "python": random.getstate(),
        "space": learner.action_space.np_random.bit_generator.state,
        "envs": [] if learner._last_obs is None else env.env_method("snapshot"),
        "counts": [learner.num_timesteps, learner._n_updates, learner._episode_num, buffer.pos, buffer.full],
        "log": log,
    }
    with atomic(path) as temporary:
        save_file(
            {name: np.asarray(value, order="C") for name, value in arrays.items()},
            temporary,
            {KEY: json.dumps(state)},
        )


def load_checkpoint(learner: TD3, path: Path) -> dict[str, Any]:
    """Put a fresh learner into the state of a checkpoint; returns its log.

    Raises:
        UsageError: the checkpoint is damaged, or of another network.
    """
    try:
        with safe_open(path, "np") as opened:
            state = json.loads(opened.metadata()[KEY])
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return _restore(learner, arrays, state)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"its checkpoint cannot be used ({' '.join(str(error).split())[:100]})",
            where=path,
            remedy="Start a new run",
        ) from error


def _restore(learner: TD3, arrays: Arrays, state: dict[str, Any]) -> dict[str, Any]:
    for name in NETWORKS:
        getattr(learner, name).load_state_dict(_take(arrays, name))
    for name in ("actor", "critic"):
        optimizer = getattr(learner, name).optimizer
        stored = optimizer.state_dict()
        prefix = f"{name}.optimizer."
        numbers = {int(key.removeprefix(prefix).split(".")[0]) for key in arrays if key.startswith(prefix)}
        stored["state"] = {number: _take(arrays, f"{prefix}{number}") for number in sorted(numbers)}
        optimizer.load_state_dict(stored)
    buffer = learner.replay_buffer
    assert buffer is not None
    for name in BUFFER:
        held = arrays[f"buffer.{name}"]
        getattr(buffer, name)[: len(held)] = held
    learner.num_timesteps, learner._n_updates, learner._episode_num, buffer.pos, buffer.full = state["counts"]
    env = normalised(learner)
    if env.norm_obs:
        known = moments(env)
        known.mean, known.var = arrays["norm.mean"], arrays["norm.var"]
        known.count = float(arrays["norm.count"][0])
    for number, snapshot in enumerate(state["envs"]):
        env.env_method("restore", snapshot, indices=[number])
    if "last.plain" in arrays:
        learner._last_obs, learner._last_original_obs = arrays["last.normalised"], arrays["last.plain"]
        env.old_obs = arrays["last.plain"]
    for noise in learner.action_noise.noises:  # type: ignore[union-attr]
        noise.calls = learner.num_timesteps // env.num_envs
    torch.set_rng_state(torch.from_numpy(arrays["torch"]))
    if "cuda" in arrays and learner.device.type == "cuda":
        torch.cuda.set_rng_state(torch.from_numpy(arrays["cuda"]), learner.device)
    kind, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, arrays["numpy"], position, has_gauss, gauss))  # noqa: NPY002
    version, internal, following = state["python"]
    random.setstate((version, tuple(internal), following))
    learner.action_space.np_random.bit_generator.state = state["space"]
    log: dict[str, Any] = state["log"]
    return log


def _put(arrays: Arrays, prefix: str, tensors: dict[str, Any]) -> None:
    for name, value in tensors.items():
        arrays[f"{prefix}.{name}"] = torch.as_tensor(value).detach().cpu().numpy()


def _take(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    start = prefix + "."
    return {
        name.removeprefix(start): torch.from_numpy(value)
        for name, value in arrays.items()
        if name.startswith(start) and not name.startswith(start + "optimizer.")
    }
