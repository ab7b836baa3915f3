"""Regions as runs, against the masks they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flawscope.runs import Runs

MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(lambda mask: bool(mask.any()))


@given(MASKS, st.integers(0, 9), st.integers(0, 9))
def test_runs_are_the_mask(mask: np.ndarray, left: int, top: int) -> None:
    runs = Runs.of_mask(mask, left=left, top=top)
    rows, columns = np.nonzero(mask)
    assert runs.area == len(rows)
    x, y, width, height = runs.box
    assert (x, y) == (columns.min() + left, rows.min() + top)
    assert (x + width, y + height) == (columns.max() + left + 1, rows.max() + top + 1)
    assert (runs.mask() == mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]).all()
    assert runs.centroid == pytest.approx((columns.mean() + left, rows.mean() + top))


@given(MASKS, st.integers(1, 11), st.integers(1, 11))
def test_parts_of_a_region_make_the_region(mask: np.ndarray, row: int, column: int) -> None:
    parts = [
        Runs.of_mask(mask[rows, columns], left=columns.start or 0, top=rows.start or 0)
        for columns in (slice(column, None), slice(None, column))
        for rows in (slice(row, None), slice(None, row))
    ]
    whole, joined = Runs.of_mask(mask), Runs.joined(parts)
    assert joined.rows.tolist() == whole.rows.tolist()
    assert joined.starts.tolist() == whole.starts.tolist()
    assert joined.ends.tolist() == whole.ends.tolist()


def test_moved() -> None:
    runs = Runs.of_mask(np.eye(3)).moved(10, 100_000)
    assert runs.box == (10, 100_000, 3, 3)
    assert (runs.mask() == np.eye(3, dtype=bool)).all()
