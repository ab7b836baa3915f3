"""Background that is skipped: by a gate learnt from the strip, counted, the same after a stop."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.inspect.strip import StripResult, inspect_strip
from flawscope.inspect.strip_gate import learn_from_strip
from flawscope.inspect.strip_source import ArrayRows, IteratedRows, open_strip
from flawscope.segment import Prompts, Segmentation, Tiled

_spec = importlib.util.spec_from_file_location("strip_tests", Path(__file__).with_name("test_strip.py"))
assert _spec is not None
assert _spec.loader is not None
strips: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(strips)

LEVEL = 1.0


def material() -> np.ndarray:
    """Even for the most part, with defects; about half of the clean tiles lie above the level."""
    strip = np.random.default_rng(0).normal(80, 6, (640, 192)).clip(0, 255).astype(np.uint8)
    strip[100:108, 50:58] = 230
    strip[300:420, 120:123] = 240
    return strip


class Asked(strips.Bright):  # type: ignore[misc]
    """Counts the tiles that it is shown."""

    tiles = 0

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        self.tiles += 1
        answer: Segmentation = super().segment(image)
        return answer


def skipping(source: Any, out: Path, level: float | None = LEVEL, **options: Any) -> StripResult:
    return inspect_strip(
        Tiled(strips.Bright(), 32, 8), source, out, skip_background=level, **{"piece_rows": 60, **options}
    )


def test_what_is_skipped_is_counted_and_not_seen(tmp_path: Path) -> None:
    source, network = ArrayRows(material()), Asked()
    gate = learn_from_strip(source, Tiled(network, 32, 8), LEVEL)
    result = inspect_strip(Tiled(network, 32, 8), source, tmp_path / "out", skip_background=LEVEL)
    tiles = 27 * 8  # steps of 24 px down 640 rows and across 192 columns, the last ones moved back
    assert result.background == {
        "middle": gate.middle,
        "spread": gate.spread,
        "level": LEVEL,
        "tiles": tiles,
        "skipped": tiles - network.tiles,
    }
    assert tiles / 4 < tiles - network.tiles < tiles
    summary = json.loads((tmp_path / "out" / "strip.json").read_text())
    assert summary["background"] == result.background
    assert summary["made_with"]["--skip-background"] == LEVEL
    by_hand = inspect_strip(Tiled(strips.Bright(), 32, 8, is_empty=gate), source, tmp_path / "hand")
    assert list(result.records()) == list(by_hand.records())
    plain = inspect_strip(Tiled(strips.Bright(), 32, 8), source, tmp_path / "plain")
    assert plain.background is None
    assert json.loads((tmp_path / "plain" / "strip.json").read_text())["background"] is None


@pytest.mark.parametrize("piece_rows", [24, 60, 5000])
@pytest.mark.parametrize("stops", [(30,), (100, 260), (50, 51, 52, 600)])
def test_after_stops_the_count_is_the_same(stops: tuple[int, ...], piece_rows: int, tmp_path: Path) -> None:
    source, out = ArrayRows(material()), tmp_path / "out"
    for row in stops:
        stopped = skipping(source, out, piece_rows=piece_rows, resume=True, on_rows=strips.until(row))
        assert stopped.interrupted
    done = skipping(source, out, piece_rows=piece_rows, resume=True)
    whole = skipping(source, tmp_path / "whole", piece_rows=piece_rows)
    assert done.background == whole.background is not None
    assert strips.content(out) == strips.content(tmp_path / "whole")
    assert skipping(source, out, piece_rows=piece_rows, resume=True).background == whole.background


def test_another_level_is_not_gone_on_with(tmp_path: Path) -> None:
    source, out = ArrayRows(material()), tmp_path / "out"
    skipping(source, out, on_rows=strips.until(200))
    for level in (2.0, None):
        with pytest.raises(UsageError, match=rf"made with --skip-background {LEVEL}, not {level}"):
            skipping(source, out, level, resume=True)


def test_a_file_that_grew_whole_goes_on_with_the_gate_that_was_learnt(tmp_path: Path) -> None:
    file, strip = tmp_path / "s.raw", material()
    strip[500:] = np.random.default_rng(1).integers(0, 120, (140, 192))  # teaches another gate
    strip[:420].tofile(file)
    cut = skipping(open_strip(file, width=192, rows=640), tmp_path / "out")
    assert "after 420 of 640 rows" in str(cut.problem)
    strip.tofile(file)
    done = skipping(open_strip(file, width=192, rows=640), tmp_path / "out", resume=True)
    anew = skipping(open_strip(file, width=192, rows=640), tmp_path / "anew")
    assert cut.background is not None
    assert done.background is not None
    assert anew.background is not None
    assert (done.rows, done.problem, anew.problem) == (640, None, None)
    assert done.background["middle"] == cut.background["middle"] != anew.background["middle"]
    assert done.background["tiles"] == anew.background["tiles"] == 27 * 8


def test_where_background_cannot_be_learnt_it_is_said_before_the_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(
        UsageError,
        match=r"^camera: background cannot be learnt from rows of unknown length.*Give a file, or inspect without",
    ):
        skipping(IteratedRows([material()], "camera"), out)
    with pytest.raises(
        UsageError,
        match=r"a strip of 31 rows, shorter than a tile of 32. Inspect it without skipping background$",
    ):
        skipping(ArrayRows(material()[:31]), out)
    with pytest.raises(UsageError, match=r"^--skip-background: nan is no level"):
        skipping(ArrayRows(material()), out, math.nan)
    gated = Tiled(strips.Bright(), 32, 8, is_empty=lambda tile: False)
    with pytest.raises(UsageError, match="its tiles have a gate already"):
        inspect_strip(gated, ArrayRows(material()), out, skip_background=LEVEL)
    assert not out.exists()
