"""When an image is reduced too far, and what becomes of its verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flawscope.errors import DataError
from flawscope.inspect.reduction import Reductions, reduction, reviewed
from flawscope.inspect.rule_reading import read_rules
from flawscope.inspect.verdict import Finding, verdict_of
from flawscope.segment import Tiled, load
from flawscope.segment.regions import RegionSegmenter
from flawscope.segment.symmetries import Symmetries

Weights = Callable[..., Path]


@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [
        (256, 256, None),  # 8 times
        (257, 64, 8.03),  # over it
        (32, 160, 5.0),  # 5 times along one side, and more than 4 times as long as wide
        (64, 256, None),  # 8 times, and 4 times as long as wide
        (8, 128, None),  # 16 times as long as wide, and reduced 4 times
        (8, 129, 4.03),
        (2000, 2000, 62.5),
    ],
)
def test_the_limits(bright_weights: Weights, height: int, width: int, factor: float | None) -> None:
    """Of a network of 32 x 32."""
    said = reduction(load(bright_weights()), height, width, allowed=False)
    assert (said["reduction"]["factor"] if said else None) == factor


def test_an_oblong_network_has_two_sides(bright_weights: Weights) -> None:
    oblong = load(bright_weights(imgsz=(320, 32), name="oblong"))
    assert reduction(oblong, 1280, 128, allowed=False) == {}
    assert reduction(oblong, 128, 1280, allowed=True) == {
        "reduction": {"factor": 40.0, "limit": 4.0, "allowed": True}
    }


def test_tiles_and_segmenters_without_a_network_have_their_own_scale(bright_weights: Weights) -> None:
    network = load(bright_weights())
    assert reduction(Symmetries(network), 2000, 2000, allowed=False)
    assert reduction(Tiled(network), 2000, 2000, allowed=False) == {}
    assert reduction(Symmetries(Tiled(network)), 2000, 2000, allowed=False) == {}
    assert reduction(RegionSegmenter(), 2000, 2000, allowed=False) == {}


REDUCED = {"factor": 44.64, "limit": 4.0, "allowed": False}


def test_a_verdict_is_at_least_review() -> None:
    def judged(*findings: Finding) -> tuple[str, str]:
        verdict = reviewed(verdict_of(list(findings), 1, "rules.yaml", "0", None), REDUCED)
        return verdict.outcome, verdict.reason

    told = "seen at 1/45 of its size: use --tile auto or --strip"
    assert judged() == ("review", told)
    assert judged(Finding("spot", "review", (0,))) == ("review", told)
    assert judged(Finding("long", "reject", (0,))) == ("reject", "long, 1 defect")
    meant = reviewed(verdict_of([], 0, "rules.yaml", "0", None), {**REDUCED, "allowed": True})
    assert meant.outcome == "accept"


def test_one_line_for_all() -> None:
    records = [
        {"source": "a.png", "reduction": {**REDUCED, "factor": 8.26}},
        {"source": "b.png"},
        {"source": "c.png", "reduction": REDUCED},
    ]
    (line,) = Reductions.of(records).lines()
    assert line.startswith("2 images were seen at down to 1/45 of their size, where")
    (line,) = Reductions.of(records[:2]).lines()
    assert line.startswith("a.png was seen at 1/8.3 of its size, where")
    assert Reductions.of(records[1:2]).lines(also_allowed=True) == []


def test_no_rule_may_take_its_name(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {name: image reduced, then: accept}\n")
    with pytest.raises(DataError, match="cannot be named 'image reduced'"):
        read_rules(rules)
