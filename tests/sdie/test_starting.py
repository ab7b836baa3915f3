"""The shipped policy: where it fits, and trainings that go on from it."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from flawscope.enhance.presets import bank as make_bank
from flawscope.metrics import masks_iou
from flawscope.sdie.artefact_description import read_description
from flawscope.sdie.drawn import SURFACES, drawn_shots
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.evidence import MARKS
from flawscope.sdie.presets import make_settings
from flawscope.sdie.starting import START, START_PROMPTED, shipped_start
from flawscope.segment.prompted import Witnessed
from flawscope.segment.regions import RegionSegmenter

WEIGHTS = Path(str(files("flawscope"))) / "weights"
SHIPPED = [name for name in (START, START_PROMPTED) if (WEIGHTS / name).is_dir()]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_policy_fits_the_default_preset_and_bank(name) -> None:
    bank = make_bank()
    start = shipped_start(bank, make_settings("default"), prompted=name == START_PROMPTED)
    assert start is not None
    assert start.observation == "evidence"
    assert start.mean.shape == (2 * MARKS + 2 * len(bank),)
    assert (start.variance > 0).all()
    action = start.act(start.mean)
    assert action.shape == (len(bank),)
    assert np.isfinite(start.value(start.mean, action))


@pytest.mark.parametrize("prompted", [False, True])
@pytest.mark.parametrize(
    ("filters", "preset", "changes"),
    [
        (("identity", "unsharp"), "default", {}),
        (None, "default", {"pretrained": False}),
        (None, "default", {"observation": "round"}),
        (None, "default", {"hidden": (32,)}),
        (None, "default", {"hidden": (64, 64)}),
        (None, "paper", {}),
        (None, "paper", {"pretrained": True}),
    ],
)
def test_elsewhere_there_is_none(filters, preset, changes, prompted) -> None:
    assert (
        shipped_start(make_bank(filters=filters), make_settings(preset, changes), prompted=prompted) is None
    )


def test_where_it_is_not_shipped_there_is_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("flawscope.sdie.starting.files", lambda package: tmp_path)
    assert shipped_start(make_bank(), make_settings("default"), prompted=False) is None


@pytest.mark.parametrize("name", SHIPPED)
def test_no_real_image_taught_it(name) -> None:
    told = read_description(WEIGHTS / name)
    assert told.provenance["finished"]
    assert all(source.startswith("drawn-") for source in told.provenance["shots"])
    assert all(one.split("-")[0] in SURFACES for one in told.provenance["classes"])


@pytest.mark.slow
def test_its_critics_choose_good_rounds_of_drawn_defects_it_never_saw() -> None:
    """Tasks of another seed: the round its critics choose is better than the rounds are, and than leaving it."""
    bank = make_bank()
    start = shipped_start(bank, make_settings("default"), prompted=False)
    assert start is not None
    shots = drawn_shots(12, lambda known: Witnessed(RegionSegmenter(), known), seed=6, queries=1)
    reached = []
    for shot in shots:
        enhanced = Enhanced(start, bank, shot.segmenter, "critic", rounds=5, reward="iou_gain")
        rounds = enhanced.rounds_of(shot.image)
        levels = [masks_iou(one.seen.foreground, shot.mask) for one in rounds]
        reached.append((levels[enhanced.chosen(rounds)], np.mean(levels), levels[0]))
    chosen, mean, raw = np.mean(reached, axis=0)
    assert chosen > mean
    assert chosen > raw
