"""How defects of strips stand out: as in the whole image, in bounded memory, the same after a stop."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import ImageError, UsageError
from flawscope.images import check_image
from flawscope.inspect import Settings, Wanted, open_results, strip_again
from flawscope.inspect.inspector import Inspector
from flawscope.inspect.measure import measure
from flawscope.inspect.rule_reading import read_rules
from flawscope.inspect.strip import inspect_strip
from flawscope.inspect.strip_again import RowsAgain
from flawscope.inspect.strip_folder import read_records, to_region
from flawscope.inspect.strip_records import add_strip
from flawscope.inspect.strip_source import ArrayRows, IteratedRows, open_strip
from flawscope.results import find_defects
from flawscope.segment import Tiled, binarize

_spec = importlib.util.spec_from_file_location("strip_tests", Path(__file__).with_name("test_strip.py"))
assert _spec is not None
assert _spec.loader is not None
strips: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(strips)
Bright, content, inspected, surface = strips.Bright, strips.content, strips.inspected, strips.surface


def lit(rows: int = 400) -> np.ndarray:
    """A surface whose light changes along and across, so that every defect stands out differently."""
    strip = surface(rows).astype(int)
    light = np.add.outer(25 * np.sin(np.arange(rows) / 30), np.linspace(-15, 15, strip.shape[1]))
    strip[strip < 200] += 20 + light.astype(int)[strip < 200]
    strip[[0, 1, -2, -1], 60:64] = 240  # against the first and the last row
    return strip.clip(0, 255).astype(np.uint8)


Key = tuple[tuple[int, ...], int]


def expected(segmenter: Tiled, strip: np.ndarray) -> dict[Key, float | None]:
    image = check_image(strip)
    probability = segmenter.segment(image).probability
    found = find_defects(binarize(probability, 0.5), ("bright",), probability)
    return {(each.box, each.area): measure(each, image).contrast for each in found}


@pytest.mark.parametrize("held", [1, strip_again._HELD_BYTES])
@pytest.mark.parametrize(
    ("kind", "tile"), [("raw", (8, 4)), ("raw", (64, 0)), ("strips", (32, 8)), ("tiles", (32, 8))]
)
def test_contrast_is_that_of_the_whole_image(
    kind: str, tile: tuple[int, int], held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strip_again, "_HELD_BYTES", held)  # at 1 nearly all rows are read again
    monkeypatch.setattr(strip_again, "_PIXELS_AT_ONCE", 1000)  # ten rows
    strip, segmenter = lit(), Tiled(Bright(), *tile)
    source = open_strip(strips.KINDS[kind](tmp_path, strip), width=100)
    result = inspect_strip(segmenter, source, tmp_path / "out", contrast=True)
    found = {(tuple(r["box"]), r["area_px"]): r["contrast"] for r in result.records()}
    whole = {key: round(value, 6) for key, value in expected(segmenter, strip).items() if value is not None}
    assert found == whole
    assert len(set(found.values())) > 20
    assert any(key[0][3] == 400 for key in found)
    assert any(key[0][1] == 0 for key in found)
    assert [region.contrast for region in result.regions()] == list(found.values())


def test_a_defect_without_surface_around_it_has_none(tmp_path: Path) -> None:
    result = inspected(ArrayRows(np.full((90, 40), 250, np.uint8)), tmp_path / "out", contrast=True)
    assert [record["contrast"] for record in result.records()] == [None]


def test_colour_sixteen_bits_and_white(tmp_path: Path) -> None:
    strip = np.full((120, 64), 400, np.uint16)
    strip[50:60, 20:30] = 4095
    np.save(tmp_path / "s.npy", strip)

    class High(Bright):
        def segment(self, image: np.ndarray, prompts: Any = None) -> Any:
            return super().segment((image >> 8).astype(np.uint8))

    segmenter = Tiled(High(), 32, 8)
    source = open_strip(tmp_path / "s.npy", white=4095)
    (record,) = inspect_strip(segmenter, source, tmp_path / "out", contrast=True).records()
    assert record["contrast"] == pytest.approx(1 - 400 / 4095, abs=1e-4)


@pytest.mark.parametrize("held", [1, strip_again._HELD_BYTES])
def test_after_a_stop_contrast_is_the_same(
    held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strip_again, "_HELD_BYTES", held)
    out, source = tmp_path / "out", ArrayRows(lit())
    assert inspected(source, out, contrast=True, on_rows=strips.until(150)).interrupted
    assert inspected(source, out, contrast=True, resume=True, on_rows=strips.until(300)).interrupted
    with pytest.raises(UsageError, match="made with contrast True, not False"):
        inspected(source, out, resume=True)
    inspected(source, out, contrast=True, resume=True)
    inspected(source, tmp_path / "whole", contrast=True)
    assert content(out) == content(tmp_path / "whole")


def test_rows_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_again, "_HELD_BYTES", 50 * 100)
    monkeypatch.setattr(strip_again, "_PIXELS_AT_ONCE", 700)
    strip = surface(200)
    strip.tofile(tmp_path / "s.raw")
    source = open_strip(tmp_path / "s.raw", width=100)
    asked: list[int] = []
    stored = source.stored
    monkeypatch.setattr(source, "stored", lambda a, b: asked.append(b - a) or stored(a, b))
    again = RowsAgain(source)
    for top, bottom in itertools.pairwise([0, 30, 60, 90, 120]):
        again.keep(strip[top:bottom])
    assert again.shape == (120, 100)
    for rows, columns in (((0, 120), (0, 100)), ((80, 95), (7, 9)), ((91, 120), (3, 50)), ((5, 6), (0, 1))):
        part = np.s_[slice(*rows), slice(*columns)]
        np.testing.assert_array_equal(again[part], check_image(strip)[part])
    assert max(asked) == 7
    asked.clear()
    again[90:120, 0:5]
    assert asked == []  # the latest are held
    strip[:40].tofile(tmp_path / "s.raw")
    with pytest.raises(
        ImageError, match=r"rows 35 to 41 were there and can no longer be read. When the whole"
    ):
        again[0:120, 0:5]


MEMORY = """
import resource
import numpy as np
from flawscope.inspect.measure import contrast_of
from flawscope.inspect.strip_again import RowsAgain
from flawscope.inspect.strip_source import open_strip
from flawscope.runs import Runs
rows = np.arange(100_000)
starts = (rows // 100).astype(np.int32)
scratch = Runs(rows, starts, starts + 3)
source = open_strip({file!r}, width=4096)
again = RowsAgain(source)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for top in range(0, 100_000, 1000):
    again.keep(source.stored(top, top + 1000))
print(contrast_of(scratch, again), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in KiB is Linux")
def test_a_scratch_along_100_000_rows_does_not_load_the_strip(tmp_path: Path) -> None:
    """It wanders over 1,000 of 4,096 columns: what is around it is 97 MiB, the strip 391 MiB."""
    file = tmp_path / "s.raw"
    with file.open("wb") as opened:
        opened.truncate(100_000 * 4096)  # holes: all black
    script = MEMORY.format(file=str(file))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    contrast, peak = done.stdout.split()
    assert float(contrast) == 0.0
    assert int(peak) / 1024 < 250


def test_rows_that_come_only_once_have_no_contrast(tmp_path: Path) -> None:
    def camera() -> IteratedRows:
        return IteratedRows([surface(90)], "camera")

    with pytest.raises(UsageError, match="camera: contrast cannot be measured of rows that come only once"):
        inspected(camera(), tmp_path / "out", contrast=True)
    assert not (tmp_path / "out").exists()
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - name: faint\n    contrast: {max: 0.1}\n    then: review\n"
    )
    judging = Inspector(read_rules(tmp_path / "rules.yaml"))
    folder = open_results(tmp_path / "results", Wanted())

    def added(source: Any, inspector: Inspector, key: str) -> Any:
        return add_strip(Tiled(Bright(), 32, 8), source, folder, Settings(), inspector, key)[1]

    with pytest.raises(UsageError, match="line 2: rule 'faint' limits contrast, which cannot be measured of"):
        added(camera(), judging, "one")
    assert {defect["contrast"] for defect in added(camera(), Inspector(), "two")["defects"]} == {None}
    judged = added(ArrayRows(surface(90), "file"), judging, "three")
    assert all(defect["contrast"] > 0.3 for defect in judged["defects"])
    assert judged["verdict"]["outcome"] == "accept"


def test_older_regions_are_read(tmp_path: Path) -> None:
    inspected(ArrayRows(surface(90)), tmp_path / "out")
    file = tmp_path / "out" / "regions.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["contrast"]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert {to_region(record).contrast for record in read_records(tmp_path / "out")} == {None}
