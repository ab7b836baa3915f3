"""What the report says: where, how large, how bad, in which units."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.inspect.digits import short
from flawscope.inspect.report_histogram import HEIGHT, bin_edges, histogram
from flawscope.inspect.report_map import lay_out, lay_out_apart
from flawscope.inspect.report_notices import notices
from flawscope.inspect.report_scale import ticks
from flawscope.inspect.report_table import defect_table
from flawscope.inspect.report_units import units_of
from flawscope.inspect.report_verdicts import rule_counts, rule_files, severity, spoken_of

CALIBRATION = {"id": "line-3", "mm_per_px_x": 0.5, "mm_per_px_y": 0.25}


def defect(area: int, **more: Any) -> dict[str, Any]:
    plain = {"label": "pit", "score": 0.9, "box": [10, 20, 4, 8], "area_px": area, "centroid": [12.0, 24.0]}
    return {**plain, **more}


def measured(area: int, **more: Any) -> dict[str, Any]:
    pixels = {"length_px": area / 2, "width_max_px": 2.0, "orientation_deg": 90.0, "contrast": None}
    return defect(area, **pixels, **more)


def in_mm(area: int) -> dict[str, Any]:
    return measured(area, length_mm=area / 8, width_max_mm=1.0, area_mm2=area / 8)


def record(*defects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"source": "a.png", "width": 100, "height": 50, "labels": ["pit"], "defects": [*defects], **more}


def verdict(outcome: str, *findings: tuple[str, str, list[int]]) -> dict[str, Any]:
    said = [{"rule": rule, "outcome": each, "defects": list(which)} for rule, each, which in findings]
    rules = {"file": "rules.yaml", "sha256": "0" * 12}
    return {"outcome": outcome, "reason": "why", "findings": said, "rules": rules, "calibration": None}


def test_each_defect_hears_the_worst_that_was_said_of_it() -> None:
    said = verdict("reject", ("long", "reject", [1]), ("dirty", "review", [0, 1]), ("fine", "accept", [3]))
    spoken = spoken_of(record(*[defect(1)] * 4, verdict=said))
    assert [each.outcome for each in spoken] == ["review", "reject", "accept", "accept"]
    assert [each.rules for each in spoken] == [("dirty",), ("long", "dirty"), (), ("fine",)]
    assert [each.outcome for each in spoken_of(record(defect(1)))] == [None]


def test_the_worst_image_comes_first_then_the_largest_defect() -> None:
    images = [
        record(defect(900), verdict=verdict("accept")),
        record(defect(5), verdict=verdict("reject")),
        record(defect(7), defect(1), verdict=verdict("reject")),
        record(defect(800), verdict=verdict("review")),
        record(verdict=verdict("accept")),
    ]
    assert sorted(range(5), key=lambda index: severity(images[index])) == [2, 1, 3, 0, 4]


def test_rules_are_counted_over_images_and_defects() -> None:
    first = verdict("reject", ("long", "reject", [1]), ("dirty", "review", [0, 1]))
    images = [
        record(defect(1), defect(1), verdict=first),
        record(defect(1), verdict=verdict("review", ("dirty", "review", [0]))),
        record(),
    ]
    assert [(each.rule, each.outcome, each.images, each.defects) for each in rule_counts(images)] == [
        ("long", "reject", 1, 1),
        ("dirty", "review", 2, 3),
    ]


def test_rules_are_quoted_only_while_they_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("default: accept\n")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    said = verdict("accept") | {"rules": {"file": str(file), "sha256": digest}}
    assert rule_files([record(verdict=said)] * 2) == [(str(file), digest, "default: accept\n")]
    file.write_text("default: reject\n")
    assert rule_files([record(verdict=said)]) == [(str(file), digest, None)]


def test_millimetres_only_where_all_have_them() -> None:
    calibrated = record(in_mm(8), calibration=CALIBRATION)
    assert units_of([calibrated]).length == ("length_mm", "mm")
    assert units_of([calibrated]).scale == (0.5, 0.25)
    mixed = units_of([calibrated, record(measured(8))])
    assert (mixed.measured, mixed.length, mixed.scale) == (True, ("length_px", "px"), None)
    other = {**CALIBRATION, "id": "line-4", "mm_per_px_x": 0.4}
    two = units_of([calibrated, record(in_mm(8), calibration=other)])
    assert (two.length, two.scale, len(two.calibrations)) == (("length_mm", "mm"), None, 2)
    assert not units_of([record(defect(8))]).measured
    assert not units_of([record()]).measured


def test_a_defect_lies_on_the_map_where_it_lies_on_the_surface() -> None:
    images = [record(in_mm(8), calibration=CALIBRATION)]
    place = lay_out(images, units_of(images))
    assert place is not None
    # 100 x 50 px are 50 x 12.5 mm: 1120 units wide, 22.4 a mm
    assert (place.wide, place.high, place.lying, place.stretched) == (1120.0, 280.0, False, False)
    assert place.place([10, 20, 4, 8]) == [62 + 112, 12 + 112, 44.8, 44.8]
    assert (place.across.name, place.down.name) == ("x (mm)", "y (mm)")


def test_a_strip_lies_and_is_stretched_across() -> None:
    strip = record(in_mm(8), calibration=CALIBRATION) | {"width": 100, "height": 200_000}
    place = lay_out([strip], units_of([strip]))
    assert place is not None
    assert (place.wide, place.high, place.lying, place.stretched) == (1120.0, 140.0, True, True)
    assert place.across.name == "along (m)"
    assert [tick.text for tick in place.across.ticks][:3] == ["0", "5", "10"]
    assert place.down.name == "across (mm)"
    assert place.place([50, 100_000, 10, 1000]) == [62 + 560.0, 12 + 70.0, 5.6, 14.0]
    assert lay_out([], units_of([])) is None


def test_ticks_are_round_and_reach_the_end() -> None:
    assert [(tick.at, tick.text) for tick in ticks(3.0, 300.0, 6)] == [
        (0.0, "0"), (50.0, "0.5"), (100.0, "1"), (150.0, "1.5"), (200.0, "2"), (250.0, "2.5"), (300.0, "3"),
    ]  # fmt: skip
    assert [tick.text for tick in ticks(12_345.0, 100.0, 3)] == ["0", "5,000", "10,000"]


@pytest.mark.parametrize(
    ("least", "largest", "edges"),
    [
        (1.25, 3.75, [1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6, 3.8]),
        (0.3, 40.0, [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]),
        (1.0, 1000.0, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
        (7.0, 7.0, [7.0, 7.5]),
        (0.0, 0.0, [0.0, 0.1]),
    ],
)
def test_edges_are_round_and_hold_everything(least: float, largest: float, edges: list[float]) -> None:
    found = bin_edges(least, largest)
    assert found[0] <= least
    assert found[-1] >= largest
    assert found == pytest.approx(edges)


def test_bars_count_every_defect() -> None:
    made = histogram(np.array([1.0, 1.5, 3.0, 60.0, 100.0]), "Length", "mm")
    assert [bar.count for bar in made.bars] == [2, 1, 0, 0, 0, 2]
    assert (made.bars[0].high, made.bars[0].y, made.bars[1].high) == (HEIGHT, 0.0, HEIGHT / 2)
    assert made.summary == "median 3 mm, largest 100 mm"
    assert [text for _, text in made.edges] == ["1", "2", "5", "10", "20", "50", "100"]


def test_the_table_has_the_worst_and_says_how_many_there_are() -> None:
    said = verdict("reject", ("long", "reject", [2]), ("default", "review", [0]))
    images = [record(in_mm(8), in_mm(800), in_mm(16), calibration=CALIBRATION, verdict=said)]
    units = units_of(images)
    table = defect_table(
        images, units, lay_out(images, units), names=["a.png"], labels=["pit"], cards={1}, limit=2
    )
    assert (table.shown, table.total) == (2, 3)
    assert [column["name"] for column in table.columns] == [
        "Image", "Class", "Verdict", "Rules", "Score", "Length (mm)", "Width (mm)", "Area (mm²)", "Angle (°)",
        "Contrast", "x (mm)", "y (mm)",
    ]  # fmt: skip
    assert table.columns[table.size]["name"] == "Length (mm)"
    assert (
        '"rows":[[1,"pit","reject","long",0.9,2.0,1.0,2.0,90.0,null,6.0,6.0],[1,"pit","review","(none)"'
        in str(table.data).replace(", ", ",").replace(": ", ":")
    )


def test_images_of_other_sizes_have_a_map_each() -> None:
    sizes = [(300, 200), (20_000, 500), (330, 210), (310, 190)]
    images = [record(measured(8)) | {"height": high, "width": wide} for wide, high in sizes]
    maps = lay_out_apart(images, units_of(images), ["a.png", "strip.png", "b.png", "c.png"], "image")
    assert maps is not None
    strip, photos = maps.frames
    assert [(frame.title, frame.images) for frame in maps.frames] == [("strip.png", 1), ("3 images", 3)]
    assert maps.which == [1, 0, 1, 1]
    assert photos.top >= strip.top + strip.size[1]  # they do not lie on each other
    assert maps.size[1] == photos.top + photos.size[1]
    # 210 px are 300 units high: the far corner of the largest photograph is that of its frame
    assert photos.high == 300.0
    assert photos.wide == pytest.approx(330 * 300 / 210, abs=0.1)
    assert maps.place_of(3, [330, 210, 0, 0])[:2] == pytest.approx(
        [photos.corner[0] + photos.wide, photos.corner[1] + photos.high], abs=0.2
    )
    assert maps.place_of(2, [0, 0, 10, 10])[:2] == list(strip.corner)
    alike = lay_out_apart(images[2:], units_of(images), ["b.png", "c.png"], "image")
    assert alike is not None
    single = lay_out(images[2:], units_of(images))
    assert alike.frames == [single]  # as before, where sizes are about the same
    assert lay_out_apart([], units_of([]), [], "image") is None


def test_no_more_than_four_maps() -> None:
    images = [record(measured(8)) | {"height": 3**power, "width": 3**power} for power in range(4, 10)]
    maps = lay_out_apart(images, units_of(images), list("abcdef"), "image")
    assert maps is not None
    assert maps.which == [3, 3, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8.98988, "8.99"),
        (90.0, "90"),
        (0.012345, "0.0123"),
        (704.3, "704"),
        (2948.0, "2,948"),
        (-0.5, "-0.5"),
        (0, "0"),
    ],
)
def test_three_digits_are_enough(value: float, said: str) -> None:
    assert short(value) == said


def test_what_nobody_saw_stands_at_the_top() -> None:
    skipped = {"tiles": 4000, "skipped": 120, "level": -1.0}
    images = [record() | {"background": skipped, "source": "coil.raw"}, record()]
    (only,) = notices(images, 0)
    assert only.text == "coil.raw: 120 of 4,000 tiles skipped as background (level -1), seen by nobody."
    assert [each.word for each in notices(images, 2)] == ["Not inspected", "Not seen"]
    assert notices([record()], 0) == []
