"""What an agent begins with: the shipped policy where it fits, else random values, and then it is said."""

from __future__ import annotations

from flawscope.enhance.bank import FilterBank
from flawscope.sdie.policy import MlpPolicy
from flawscope.sdie.presets import Settings
from flawscope.sdie.starting import shipped_start

SHIPPED, RANDOM, NONE_FITS = "shipped", "random", "random, no shipped policy fits the filters"

WARNING = (
    "td3 begins with random values: the shipped policy is for the default filters, their sizes and fixed parameters "
    "alone; do not compare its figures with those of the default filters"
)

SMOKE_STEPS = 10
"""Of a training that is only to show that it runs: minutes on one core of a CPU, where all steps take days."""


def is_smoke(settings: Settings, device: str, budget: int | None) -> bool:
    """Whether an agent's training is a smoke run: ResNets on a CPU, and no number of steps was asked for."""
    return budget is None and _is_slow(settings, device)


def cpu_warning(settings: Settings, device: str, budget: int | None) -> str | None:
    """What to say before a training for which there should be a GPU; ``settings`` with all their steps."""
    if is_smoke(settings, device, budget):
        steps = settings.steps
        return (
            f"smoke run: td3 with its ResNets takes {SMOKE_STEPS} steps on a CPU, to see that it runs; no figure of "
            f"it stands for the paper's. All {steps:,} steps: --device cuda:0, or --budget {steps}, days on a CPU"
        )
    if _is_slow(settings, device):
        return f"td3 with its ResNets is slow on a CPU, {settings.steps:,} steps; give --device cuda:0"
    return None


def start_of(bank: FilterBank, settings: Settings, *, prompted: bool) -> tuple[MlpPolicy | None, str]:
    """A policy to go on from, if any, and what to note of it: ``SHIPPED``, ``RANDOM`` (as the preset has it) or
    ``NONE_FITS``."""
    policy = shipped_start(bank, settings, prompted=prompted)
    if policy is not None:
        return policy, SHIPPED
    return None, NONE_FITS if settings.pretrained else RANDOM


def _is_slow(settings: Settings, device: str) -> bool:
    return settings.network == "resnet18" and not device.startswith("cuda")
