"""Regions that stream against labelling the whole mask at once."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from flawscope.errors import ImageError
from flawscope.inspect import strip_regions
from flawscope.inspect.strip_regions import Region, RegionStream
from flawscope.runs import Runs

MASKS = arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 2))


def identity(number: int, runs: Runs) -> tuple[int, ...]:
    return (number, *runs.rows.tolist(), *runs.starts.tolist(), *runs.ends.tolist())


def streamed(mask: np.ndarray, heights: list[int], *, breaks: bool = False) -> list[Region]:
    probability, image = planes(mask)
    stream, found, top = RegionStream(mask.shape[1]), [], 0
    for height in [*heights, len(mask)]:
        rows = slice(top, min(top + height, len(mask)))
        found += stream.add(mask[rows], probability[:, rows], image[rows])
        top = rows.stop
        if breaks:
            stream = RegionStream.restored(mask.shape[1], stream.state())
    return found + stream.finish()


def planes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(mask.size)
    return (
        rng.random((2, *mask.shape), dtype=np.float32),
        rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8),
    )


@settings(deadline=None)
@given(MASKS, st.lists(st.integers(1, 5), max_size=14), st.booleans())
def test_random_blocks_give_the_regions_of_the_whole_mask(
    mask: np.ndarray, heights: list[int], breaks: bool
) -> None:
    probability, image = planes(mask)
    expected = {}
    for number in (1, 2):
        numbered, count = ndimage.label(mask == number, np.ones((3, 3)))
        for index in range(1, count + 1):
            inside = numbered == index
            expected[identity(number, Runs.of_mask(inside))] = (
                probability[number - 1][inside].mean(),
                image[inside].mean() / 255,
            )
    found = streamed(mask, heights, breaks=breaks)
    assert sorted(identity(region.number, region.runs) for region in found) == sorted(expected)
    for region in found:
        values = expected[identity(region.number, region.runs)]
        assert (region.score, region.brightness) == pytest.approx(values, abs=1e-4)


@given(MASKS, st.lists(st.integers(1, 5), max_size=14))
def test_scores_do_not_depend_on_the_blocks(mask: np.ndarray, heights: list[int]) -> None:
    whole, parts = ({identity(r.number, r.runs): r.score for r in streamed(mask, h)} for h in ([], heights))
    assert whole == parts


def test_a_region_is_handed_on_when_no_later_row_can_touch_it() -> None:
    stream = RegionStream(5)
    block = np.zeros((3, 5), np.uint8)
    block[0:2, 0], block[2, 4] = 1, 1
    (ended,) = stream.add(block)
    assert (ended.runs.box, ended.score, ended.brightness) == ((0, 0, 1, 2), 1.0, None)
    assert stream.add(np.array([[0, 0, 0, 1, 0]], np.uint8)) == []
    (ended,) = stream.add(np.zeros((1, 5), np.uint8))
    assert (ended.runs.box, ended.runs.area) == ((3, 2, 2, 2), 2)
    assert stream.finish() == []


def test_a_scratch_of_a_hundred_thousand_rows_is_one_defect() -> None:
    rows, height, width = 100_000, 250, 64
    columns = (np.arange(rows) // 1700) + 2  # wanders one column a 1,700 rows
    tracemalloc.start()
    started = time.process_time()
    stream, found = RegionStream(width), []
    for top in range(0, rows, height):
        block = np.zeros((height, width), np.uint8)
        block[np.arange(height), columns[top : top + height]] = 1
        found += stream.add(block)
    found += stream.finish()
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (scratch,) = found
    assert scratch.runs.rows.tolist() == list(range(rows))
    np.testing.assert_array_equal(scratch.runs.starts, columns)
    assert scratch.runs.area == rows
    assert peak < 30 * 2**20
    assert seconds < 10  # about one second


def test_noise_ends_in_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip_regions, "_MOST_OPEN", 100)
    comb = np.tile(np.array([1, 0], np.uint8), 40)[None].repeat(2, axis=0)
    stream = RegionStream(80)
    stream.add(comb)
    with pytest.raises(
        ImageError, match="at row 4 unfinished regions have 160 runs: the mask is mostly noise"
    ):
        stream.add(comb)
