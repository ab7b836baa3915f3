"""The policy that every training of the ``default`` preset goes on from: learnt on drawn surfaces, shipped."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flawscope.enhance.bank import FilterBank
from flawscope.sdie.artefact import load_artefact
from flawscope.sdie.artefact_description import read_description
from flawscope.sdie.policy import MlpPolicy
from flawscope.sdie.presets import Settings
from flawscope.segment.regions import RegionSegmenter

START, START_PROMPTED = "sdie-start", "sdie-start-prompted"
"""Folders among the shipped weights, made by ``benchmarks/sdie_start.py``: for a segmenter left to itself, and for
one prompted from supports."""


def shipped_calls(*, prompted: bool) -> int:
    """Segmenter calls that the training of the shipped policy took."""
    return int(read_description(_folder(prompted)).provenance["segmenter_calls"])


def shipped_start(bank: FilterBank, settings: Settings, *, prompted: bool) -> MlpPolicy | None:
    """The shipped policy, where it fits the bank, the observation and the networks of ``settings``; else None."""
    folder = _folder(prompted)
    if not settings.pretrained or not folder.is_dir():
        return None
    told = read_description(folder)
    if told.fingerprint != bank.fingerprint() or told.observation != settings.observation:
        return None
    policy = load_artefact(folder, segmenter=RegionSegmenter()).policy
    assert isinstance(policy, MlpPolicy), "only these are shipped"
    hidden = tuple(weight.shape[0] for weight, _ in policy.actor[:-1])
    return policy if hidden == settings.hidden else None


def _folder(prompted: bool) -> Path:
    return Path(str(files("flawscope"))) / "weights" / (START_PROMPTED if prompted else START)
