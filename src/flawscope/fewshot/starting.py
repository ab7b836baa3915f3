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

SMOKE = (
    "td3 with its ResNets on a CPU is a smoke run: slow, and no figure of it stands for the paper's; give "
    "--device cuda:0"
)


def is_smoke(settings: Settings, device: str) -> bool:
    """Whether an agent's training is only good to see that it runs."""
    return settings.network == "resnet18" and not device.startswith("cuda")


def start_of(bank: FilterBank, settings: Settings, *, prompted: bool) -> tuple[MlpPolicy | None, str]:
    """A policy to go on from, if any, and what to note of it: ``SHIPPED``, ``RANDOM`` (as the preset has it) or
    ``NONE_FITS``."""
    policy = shipped_start(bank, settings, prompted=prompted)
    if policy is not None:
        return policy, SHIPPED
    return None, NONE_FITS if settings.pretrained else RANDOM
