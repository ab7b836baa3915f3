"""Verdicts: which rule speaks of which defects, and that portions make no difference."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flawscope.errors import DataError, UsageError
from flawscope.inspect.judging import Judging, judge
from flawscope.inspect.rule_reading import read_rules, rules_from
from flawscope.inspect.rules import Rules
from flawscope.inspect.verdict import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "judging.md"


@dataclass(frozen=True)
class Calibration:
    id: str = "bench"
    mm_per_px_x: float = 0.1
    mm_per_px_y: float = 0.5


def rules_of(*rules: str, top: str = "") -> Rules:
    text = top + "rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
    read, problems = rules_from(text.encode(), "rules.yaml")
    assert read is not None, problems
    return read


def defect(label: str = "pit", *, x: int = 0, y: int = 0, **measures: Any) -> dict[str, Any]:
    plain = {"label": label, "score": 0.9, "box": (x, y, 4, 4), "centroid": (x + 1.5, y + 1.5), "area_px": 16}
    return plain | measures


def verdict_of(defects: list[dict[str, Any]], *rules: str, top: str = "", **size: Any) -> Verdict:
    return judge(defects, rules_of(*rules, top=top), **({"width": 100, "height": 200} | size))


def test_a_rule_speaks_of_the_defects_that_meet_all_its_conditions() -> None:
    found = [
        defect("pit", length_px=9.0),
        defect("scratch", length_px=9.0),
        defect("scratch", length_px=8.0),
        defect("scratch", length_px=7.9),
    ]
    verdict = verdict_of(found, "name: long, class: scratch, length_px: {min: 8, max: 9}, then: reject")
    (finding,) = verdict.findings
    assert verdict.outcome == "reject"
    assert (finding.rule, finding.line, finding.defects) == ("long", 2, (1, 2))
    assert finding.measured == {"length_px": (9.0, 8.0)}
    assert finding.limits == {"length_px": {"min": 8.0, "max": 9.0}}
    assert verdict.reason == "long, 2 defects: length_px up to 9 (min 8, max 9)"


def test_the_worst_wins_whatever_the_order() -> None:
    rules = ("name: a, class: pit, then: review", "name: b, area_px: {min: 10}, then: reject")
    for ordered in (rules, rules[::-1]):
        verdict = verdict_of([defect("pit")], *ordered)
        assert [finding.outcome for finding in verdict.findings] == ["reject", "review"]
        assert verdict.outcome == "reject"


@pytest.mark.parametrize(
    ("outcome", "code", "word"), [("accept", 0, "ACCEPT"), ("review", 1, "REVIEW"), ("reject", 1, "REJECT")]
)
def test_exit_codes_and_words(outcome: str, code: int, word: str) -> None:
    verdict = verdict_of([defect()], f"name: a, then: {outcome}", top="default: review\n")
    assert (verdict.exit_code, verdict.word) == (code, word)


def test_no_defect_is_accepted_even_where_defects_are_rejected_by_default() -> None:
    rules = ("name: tiny, area_px: {max: 20}, then: accept",)
    assert verdict_of([], *rules, top="default: reject\n").outcome == "accept"
    assert verdict_of([defect()], *rules, top="default: reject\n").outcome == "accept"
    large = verdict_of([defect(), defect(area_px=21)], *rules, top="default: reject\n")
    assert large.outcome == "reject"
    assert [(finding.rule, finding.defects) for finding in large.findings] == [
        ("default", (1,)),
        ("tiny", (0,)),
    ]


def test_a_rule_with_a_total_does_not_excuse_from_the_default() -> None:
    verdict = verdict_of([defect()], "name: few, count: {max: 3}, then: accept", top="default: reject\n")
    assert [finding.rule for finding in verdict.findings] == ["default", "few"]


def test_counts_and_shares() -> None:
    found = [defect("pit", area_px=100), defect("pit", area_px=50), defect("scratch", area_px=5000)]
    count = "name: n, class: pit, count: {min: 2}, then: review"
    assert verdict_of(found, count).findings[0].measured == {"count": 2.0}
    assert verdict_of(found[1:], count).outcome == "accept"
    missing = "name: holes, class: hole, count: {max: 0}, then: reject"
    assert verdict_of(found, missing).outcome == "reject"
    share = "name: s, class: pit, area_share: {min: 0.0075}, then: review"
    assert verdict_of(found, share).findings[0].measured == {"area_share": 0.0075}  # 150 of 20,000 pixels
    assert verdict_of(found, share, height=201).outcome == "accept"


def test_the_densest_window() -> None:
    """Rows of 0.5 mm: a window of 0.1 m is 200 rows, its end not included."""
    rule = "name: d, count_per_metre: {min: 30, window_m: 0.1}, then: reject"
    size = {"width": 100, "height": 5000, "calibration": Calibration()}
    found = [defect(y=y) for y in (3000, 0, 1000, 1199, 1100, 4000)]
    (finding,) = verdict_of(found, rule, **size).findings
    assert finding.defects == (2, 3, 4)
    assert finding.measured == {"count_per_metre": 30.0}
    assert finding.window_mm == (500.75, 600.75)
    apart = [defect(y=y) for y in (1000, 1100, 1200)]
    assert verdict_of(apart, rule, **size).outcome == "accept"


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 40)), max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_a_strip_in_pieces_gets_the_verdict_of_the_whole(
    places: list[tuple[int, int]], cuts: list[int], chance: Any
) -> None:
    rules = rules_of(
        "name: dense, count_per_metre: {min: 20, window_m: 0.15}, then: reject",
        "name: long, length_px: {min: 30}, zone: middle, then: review",
        "name: many, count: {min: 25}, then: review",
        "name: dirty, area_share: {min: 0.0005}, then: review",
        top="default: accept\nzones: {middle: {columns: [10, 60]}}\n",
    )
    found = [defect(x=y % 90, y=y, length_px=float(n), area_px=n) for y, n in places]
    whole = judge(found, rules, width=100, height=3100, calibration=Calibration())
    strip = Judging(rules, width=100, calibration=Calibration())
    ends = [0, *sorted(min(cut, len(found)) for cut in cuts), len(found)]
    for start, end in itertools.pairwise(ends):
        strip.add(found[start:end])
        strip.verdict(height=3100)  # asking in between changes nothing
    assert strip.verdict(height=3100).to_json() == whole.to_json()
    counted = [sum(0 <= q - p < 300 for q, _ in places) for p, _ in places]
    assert (max(counted, default=0) / 0.15 >= 20) == any(one.rule == "dense" for one in whole.findings)
    chance.shuffle(found)  # defects may be complete in another order than they begin
    shuffled = judge(found, rules, width=100, height=3100, calibration=Calibration())
    assert [(one.rule, len(one.defects)) for one in shuffled.findings] == [
        (one.rule, len(one.defects)) for one in whole.findings
    ]


def test_doubt_counts_against_the_piece() -> None:
    top = "default: review\nzones: {rim: {columns: [0, 10]}}\n"
    across, inside = defect(x=8), defect(x=2)
    for value in (None, math.nan):
        unknown = defect(contrast=value)
        assert verdict_of([unknown], "name: a, contrast: {min: 5}, then: reject").outcome == "reject"
        assert verdict_of([unknown], "name: a, contrast: {max: 5}, then: accept", top=top).outcome == "review"
    assert verdict_of([across], "name: a, zone: rim, then: reject", top=top).outcome == "reject"
    assert verdict_of([across], "name: a, outside: rim, then: reject", top=top).outcome == "reject"
    assert verdict_of([across], "name: a, zone: rim, then: accept", top=top).outcome == "review"
    assert verdict_of([across], "name: a, outside: rim, then: accept", top=top).outcome == "review"
    assert verdict_of([inside], "name: a, zone: rim, then: accept", top=top).outcome == "accept"
    assert verdict_of([inside], "name: a, outside: rim, then: reject", top=top).outcome == "review"


def test_what_cannot_be_judged_is_said_in_one_line() -> None:
    metric = rules_of("name: long, length_mm: {min: 3}, then: reject")
    with pytest.raises(
        UsageError, match=r"^rules\.yaml, line 2: rule 'long' limits length_mm, and there is no cal"
    ):
        judge([], metric, width=9, height=9)
    with pytest.raises(DataError, match=r"rule 'long' asks about length_mm, and a defect has none"):
        judge([defect()], metric, width=9, height=9, calibration=Calibration())
    top = "zones: {far: {columns: [100, 120]}}\n"
    with pytest.raises(
        DataError, match=r"line 1: zone 'far' lies outside the image, which has 100 columns and 9"
    ):
        judge([], rules_of("name: a, zone: far, then: reject", top=top), width=100, height=9)
    late = rules_of("name: a, zone: end, then: reject", top="zones: {end: {edges: {bottom: 5}}}\n")
    with pytest.raises(UsageError, match=r"zone 'end' depends on the length of the strip"):
        Judging(late, width=100)
    share = Judging(rules_of("name: a, area_share: {min: 0.1}, then: reject"), width=100)
    with pytest.raises(UsageError, match=r"the length of the strip is not known"):
        share.verdict()


def test_json_says_rule_line_limit_and_value() -> None:
    rule = "name: long, length_mm: {min: 3}, then: reject"
    found = [defect(length_mm=2.0), defect(length_mm=4.25)]
    plain = verdict_of(found, rule, calibration=Calibration()).to_json()
    assert plain.pop("rules") == {"file": "rules.yaml", "sha256": rules_of(rule).sha256}
    assert plain == {
        "schema": "flawscope/verdict/1",
        "outcome": "reject",
        "reason": "long, 1 defect: length_mm 4.25 (min 3)",
        "defects": 2,
        "findings": [
            {
                "rule": "long",
                "outcome": "reject",
                "line": 2,
                "defects": [1],
                "limits": {"length_mm": {"min": 3.0}},
                "measured": {"length_mm": [4.25]},
            }
        ],
        "calibration": "bench",
    }


def test_the_example_of_the_page(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    rules = read_rules(tmp_path / "rules.yaml", ("scratch", "pit", "spot"))
    mm = {"length_mm": 1.0, "area_mm2": 0.1}
    size = {"width": 1000, "height": 20_000, "calibration": Calibration()}
    cases = [
        (
            [defect("scratch", **mm | {"length_mm": 4.2})],
            "REJECT",
            "long scratch, 1 defect: length_mm 4.2 (min 3)",
        ),
        ([defect("scratch", x=500, **mm)], "REJECT", "scratch on the running band"),
        ([defect("scratch", x=100, **mm)], "ACCEPT", "no rule speaks of 1 defect"),
        (
            [defect("pit", x=500, y=40 * i, **mm) for i in range(10)],
            "REJECT",
            "pits close together, 10 defects",
        ),
        ([defect("pit", x=5, y=40 * i, **mm) for i in range(10)], "ACCEPT", "no rule speaks of 10 defects"),
        ([defect("spot", x=500, **mm | {"area_mm2": 0.5})], "REVIEW", "middling spot"),
        ([defect("spot", x=5, **mm | {"area_mm2": 0.5})], "ACCEPT", "no rule speaks"),
        ([defect("pit", x=500, area_px=200_000, **mm)], "REVIEW", "dirty"),
        ([], "ACCEPT", "no defects"),
    ]
    for found, word, reason in cases:
        verdict = judge(found, rules, **size)
        assert (verdict.word, verdict.reason[: len(reason)]) == (word, reason)


@pytest.mark.parametrize(
    ("limits", "speaks", "silent"),
    [
        ("{min: -10, max: 10}", (0.0, 9.0, 171.0, 179.9), (11.0, 90.0, 169.0)),
        ("{min: -60, max: -20}", (120.0, 150.0), (0.0, 60.0, 119.0, 161.0)),
        ("{min: 80, max: 100}", (80.0, 95.0), (5.0, 101.0, 175.0)),
        ("{max: 10}", (0.0, 10.0), (11.0, 175.0)),
        ("{min: 170}", (170.0, 179.0), (0.0, 160.0)),
    ],
)
def test_directions_go_round(limits: str, speaks: tuple[float, ...], silent: tuple[float, ...]) -> None:
    for degrees in (*speaks, *silent):
        found = verdict_of(
            [defect(orientation_deg=degrees)], f"name: across, orientation_deg: {limits}, then: reject"
        )
        assert found.outcome == ("reject" if degrees in speaks else "accept"), degrees
