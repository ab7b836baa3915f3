"""The noise that the agent explores with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.noise import ActionNoise

from flawscope.sdie.presets import Settings


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
