"""Few-shot tasks on drawn surfaces."""

from functools import partial

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.sdie.drawn import LARGEST, SMALLEST, drawn_shots
from flawscope.segment.prompted import PrototypeSegmenter
from flawscope.segment.support import SupportModel

SMALL = {"supports": 2, "queries": 2, "side": 64}


def same(one, other) -> bool:
    return (
        one.source == other.source
        and one.name == other.name
        and np.array_equal(one.image, other.image)
        and np.array_equal(one.mask, other.mask)
        and np.array_equal(
            one.segmenter.segment(one.image).probability, other.segmenter.segment(one.image).probability
        )
    )


def test_a_task_follows_from_the_seed_and_its_number_alone() -> None:
    told = []
    shots = drawn_shots(3, PrototypeSegmenter, seed=4, advance=lambda: told.append(1), **SMALL)
    assert len(told) == 3
    fewer = drawn_shots(2, PrototypeSegmenter, seed=4, **SMALL)
    assert all(same(one, other) for one, other in zip(shots, fewer, strict=False))
    assert not same(shots[0], drawn_shots(1, PrototypeSegmenter, seed=5, **SMALL)[0])


def test_queries_of_a_task_share_a_segmenter_that_has_not_seen_them() -> None:
    known = []

    def make(model):
        known.append(model)
        return PrototypeSegmenter(model)

    shots = drawn_shots(3, make, seed=4, **SMALL)
    assert [one.source for one in shots] == [
        f"drawn-{task}-{query}" for task in range(3) for query in range(2)
    ]
    for at in (0, 2, 4):
        first, second = shots[at : at + 2]
        assert first.segmenter is second.segmenter
        assert first.segmenter.support is known[at // 2]
        assert first.name == second.name
        assert not np.array_equal(first.image, second.image)
    for one in shots:
        assert one.image.shape == (64, 64, 3)
        assert SMALLEST < one.mask.mean() < LARGEST
        assert len(one.segmenter.support.left_out) == 2  # two supports


def test_more_queries_do_not_change_the_supports() -> None:
    few = drawn_shots(1, PrototypeSegmenter, seed=1, supports=3, queries=1, side=64)
    many = drawn_shots(1, PrototypeSegmenter, seed=1, supports=3, queries=3, side=64)
    assert len(many) == 3
    assert same(few[0], many[0])


def test_the_supports_say_where_the_defects_of_the_queries_are() -> None:
    shots = drawn_shots(4, PrototypeSegmenter, seed=0, supports=3, queries=2, side=80)
    assert len({one.name for one in shots}) > 1
    gaps = [
        evidence[one.mask].mean() - evidence[~one.mask].mean()
        for one in shots
        for evidence in [one.segmenter.segment(one.image).evidence]
    ]
    assert np.mean(gaps) > 0.2


def test_a_task_of_specks_is_passed_over_and_none_is_refused() -> None:
    assert drawn_shots(1, PrototypeSegmenter, side=1, supports=1, queries=1) == []
    with pytest.raises(UsageError, match="0 drawn tasks"):
        drawn_shots(0, PrototypeSegmenter)


def test_supports_are_learnt_from_as_they_are_elsewhere() -> None:
    coarse = partial(SupportModel.fit, side=32)
    (usual,) = drawn_shots(1, PrototypeSegmenter, seed=1, supports=2, queries=1, side=64)
    (other,) = drawn_shots(1, PrototypeSegmenter, fit=coarse, seed=1, supports=2, queries=1, side=64)
    assert (usual.segmenter.support.scale, other.segmenter.support.scale) == (1, 0.5)
    np.testing.assert_array_equal(usual.image, other.image)
