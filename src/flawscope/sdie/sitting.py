"""One sitting of a training: the loop over its episodes, and their log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from stable_baselines3 import TD3
from stable_baselines3.common.callbacks import BaseCallback

from flawscope.sdie.environments import normalised
from flawscope.sdie.episodes import Progress, Report, Row, mean_return
from flawscope.sdie.presets import Settings
from flawscope.sdie.shots import Shot


class Sitting(BaseCallback):
    """The log of a learner, and the loop over its episodes."""

    def __init__(self, learner: TD3, shots: Sequence[Shot], settings: Settings, log: dict[str, Any]) -> None:
        super().__init__()
        self._learner, self._shots, self._settings = learner, shots, settings
        self._rows: list[Row] = log["episodes"]
        self._before = log
        self._returns = [0.0] * settings.envs
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Of training, earlier sittings included."""
        return float(self._before["seconds"]) + time.monotonic() - self._started

    def go(self, minutes: float | None, every: float, keep: Any, progress: Report | None) -> None:
        """Play and learn to the end, keeping the state now and then."""
        learner, told = self._learner, self._settings
        # All environments end their episodes together, so the state is between episodes after each of these.
        episode = told.rounds * told.envs
        if learner.num_timesteps == 0:
            keep()
        kept = time.monotonic()
        while learner.num_timesteps < told.steps:
            if minutes is not None and self.seconds >= 60 * minutes:
                break
            learner.learn(episode, callback=self, log_interval=10**9, reset_num_timesteps=False)
            if progress is not None:
                progress(
                    Progress(
                        learner.num_timesteps,
                        told.steps,
                        len(self._rows),
                        mean_return(self._rows),
                        self.seconds,
                    )
                )
            if time.monotonic() - kept >= every:
                keep()
                kept = time.monotonic()
        keep()

    def log(self) -> dict[str, Any]:
        """For the checkpoint."""
        asked = normalised(self._learner).env_method("asked")
        return {
            "episodes": self._rows,
            "seconds": self.seconds,
            "calls": self._before["calls"] + sum(calls for calls, _ in asked),
            "undefined": self._before["undefined"] + sum(undefined for _, undefined in asked),
        }

    def provenance(self) -> dict[str, Any]:
        """For the artefact."""
        noted = self.log()
        return {
            "steps": self._learner.num_timesteps,
            "finished": self._learner.num_timesteps >= self._settings.steps,
            "episodes": len(self._rows),
            "mean_return": round(mean_return(self._rows), 6),
            "segmenter_calls": noted["calls"],
            "undefined_pixels": noted["undefined"],
            "seconds": round(noted["seconds"], 1),
        }

    def _on_step(self) -> bool:
        for number, (reward, done, info) in enumerate(
            zip(self.locals["rewards"], self.locals["dones"], self.locals["infos"], strict=True)
        ):
            self._returns[number] += float(reward)
            if done:
                indices = info["indices"]
                shot = self._shots[info["shot"]]
                self._rows.append(
                    {
                        "episode": len(self._rows) + 1,
                        "step": self._learner.num_timesteps,
                        "shot": shot.source,
                        "class": shot.name,
                        "return": round(self._returns[number], 6),
                        "index_first": round(indices[0], 6),
                        "index_last": round(indices[-1], 6),
                        "index_best": round(max(indices), 6),
                    }
                )
                self._returns[number] = 0.0
        return True
