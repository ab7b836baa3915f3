"""The table against figures worked out by hand."""

import math
from typing import Any

import pytest

from flawscope.fewshot.store import FinishedRow
from flawscope.fewshot.table import headline, table


def row(method: str, seed: int, ious: dict[str, list[float]]) -> FinishedRow:
    """Two images of one class, under every line."""
    scores: dict[str, list[dict[str, Any]]] = {
        line: [{"class": "bar", "image": str(i), "iou": iou} for i, iou in enumerate(many)]
        for line, many in ious.items()
    }
    names = (
        "class_miou_pooled",
        "class_miou_image_mean",
        "fb_iou_pooled",
        "fb_iou_class_mean",
        "boundary_f",
    )
    of_class = ("iou_pooled", "iou_image_mean", "fb_iou_pooled", "boundary_f")
    lines = {
        line: {
            "figures": dict.fromkeys(names, sum(many) / 2),
            "classes": {"bar": dict.fromkeys(of_class, sum(many) / 2)},
        }
        for line, many in ious.items()
    }
    facts = {
        "method": method,
        "manifest": "m",
        "seed": seed,
        "queries": 2,
        "lines": lines,
        "machine": {"python": "3", "load_average": [0.5 * seed] * 3},
        "seconds": {"learning": 10.0 * (seed + 1), "queries": 4.0},
        "calls": {"learning": 100, "queries": 6},
    }
    return FinishedRow(facts, scores)


ROWS = [
    row("raw", 0, {"": [0.1, 0.3]}),
    row("cma", 0, {"last": [0.2, 0.4], "oracle": [0.3, 0.5]}),
    row("cma", 1, {"last": [0.2, 0.6], "oracle": [0.3, 0.7]}),
    row("td3", 0, {"last": [0.5, 0.5], "critic": [0.6, 0.6], "oracle": [0.7, 0.7]}),
    row("best-of-30", 0, {"": [0.6, 0.8]}),
]


def test_means_and_spread_over_rows() -> None:
    report = table(ROWS)
    line = next(one for one in report["lines"] if one["label"] == "cma, last")
    figure = line["figures"]["class_miou_image_mean"]
    assert figure["mean"] == pytest.approx(0.35)
    assert figure["sd"] == pytest.approx(0.1 / math.sqrt(2))
    assert figure["values"] == pytest.approx([0.3, 0.4])
    assert (line["rows"], line["seeds"], line["stands_for_method"]) == (2, [0, 1], True)
    assert line["seconds_learning"] == 15.0
    assert line["seconds_a_query"] == 2.0
    assert line["calls_a_query"] == 3.0
    assert (
        next(one for one in report["lines"] if one["label"] == "raw")["figures"]["boundary_f"]["sd"] is None
    )
    assert report["machines"] == [{"python": "3"}]


def test_calls_are_told_of_every_method() -> None:
    silent = row("finetune", 0, {"": [0.1, 0.1]})
    del silent.facts["calls"]
    none = row("prototype", 0, {"": [0.1, 0.1]})
    none.facts["calls"] = {"learning": 0, "queries": 0}
    report = table([*ROWS, silent, none])
    assert report["notes"] == [
        "Segmenter calls in learning + for each query image, all choices of round together: raw 100 + 3.0; "
        "cma 100 + 3.0; td3 100 + 3.0; prototype none; finetune not recorded; best-of-30 100 + 3.0."
    ]
    unknown = next(line for line in report["lines"] if line["label"] == "finetune")
    assert unknown["calls_learning"] is None
    assert unknown["calls_a_query"] is None


def test_differences_average_seeds_first() -> None:
    report = table(ROWS)
    found = {(one["line"], one["against"]): one["difference"] for one in report["differences"]}
    assert found["td3, last", "cma, last"] == pytest.approx(0.5 - 0.35)
    assert found["cma, last", "raw"] == pytest.approx(0.35 - 0.2)
    assert ("raw", "raw") not in found


def test_share_of_the_gap() -> None:
    gaps = {one["line"]: one["share"] for one in table(ROWS)["gap_closed"]}
    assert gaps["td3, last"] == pytest.approx((0.5 - 0.35) / (0.7 - 0.35))
    assert "raw" not in gaps


def test_the_line_that_stands_for_a_method() -> None:
    assert headline(["last", "critic", "oracle"], "critic") == "critic"
    assert headline(["last", "agreement", "oracle"], "critic") == "last"
    assert headline([""], "last") == ""
    lines = {one["label"]: one for one in table(ROWS, "critic")["lines"]}
    assert lines["td3, critic"]["stands_for_method"]
    assert not lines["td3, last"]["stands_for_method"]
    assert [one for one, line in lines.items() if line["oracle"]] == [
        "cma, oracle (uses the true mask)",
        "td3, oracle (uses the true mask)",
        "best-of-30 (oracle: uses the true mask)",
    ]
