"""Paired differences against hand counts and an independent bootstrap."""

import numpy as np
import pytest

from flawscope.fewshot.differences import paired_difference


def test_classes_weigh_alike_whatever_their_size() -> None:
    mine = {("m", "a", str(i)): 0.5 for i in range(9)} | {("m", "b", "0"): 0.9}
    theirs = {("m", "a", str(i)): 0.4 for i in range(9)} | {("m", "b", "0"): 0.1}
    found = paired_difference(mine, theirs)
    assert found is not None
    assert found.mean == pytest.approx((0.1 + 0.8) / 2)
    assert (found.low, found.high) == (
        pytest.approx(0.45),
        pytest.approx(0.45),
    )  # nothing varies within a class
    assert (found.images, found.manifests, found.certain) == (10, 1, True)


def test_only_shared_images_count() -> None:
    assert paired_difference({("m", "a", "1"): 1.0}, {("m", "a", "2"): 0.0}) is None
    found = paired_difference({("m", "a", "1"): 1.0, ("m", "a", "2"): 0.0}, {("m", "a", "1"): 0.25})
    assert found is not None
    assert found.mean == 0.75
    assert np.isnan(found.low)
    assert not found.certain


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    generator = np.random.default_rng(3)
    values = {"a": generator.normal(0.1, 0.2, 30), "b": generator.normal(0.0, 0.1, 12)}
    mine = {("m", name, str(i)): value for name, many in values.items() for i, value in enumerate(many)}
    found = paired_difference(mine, dict.fromkeys(mine, 0.0))
    assert found is not None
    means = [
        np.mean([generator.choice(many, len(many)).mean() for many in values.values()]) for _ in range(4000)
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


def test_an_image_of_two_manifests_is_one_piece_of_evidence() -> None:
    generator = np.random.default_rng(5)
    values = generator.normal(0, 0.2, 20)
    once = {("m", "a", str(i)): value for i, value in enumerate(values)}
    twice = once | {("n", "a", str(i)): value for i, value in enumerate(values)}
    alone = paired_difference(once, dict.fromkeys(once, 0.0))
    both = paired_difference(twice, dict.fromkeys(twice, 0.0))
    assert alone is not None
    assert both is not None
    assert (both.low, both.high) == (pytest.approx(alone.low), pytest.approx(alone.high))


def test_images_of_one_piece_are_drawn_together() -> None:
    generator = np.random.default_rng(11)
    of_pieces = generator.normal(0, 0.2, 12)
    one_each = {("m", "a", str(i)): value for i, value in enumerate(of_pieces)}
    four_each = {("m", "a", f"{i}/{shot}"): value for i, value in enumerate(of_pieces) for shot in range(4)}
    pieces = {("a", f"{i}/{shot}"): f"piece {i:02}" for i in range(12) for shot in range(4)}
    by_image = paired_difference(four_each, dict.fromkeys(four_each, 0.0))
    by_piece = paired_difference(four_each, dict.fromkeys(four_each, 0.0), pieces=pieces)
    alone = paired_difference(one_each, dict.fromkeys(one_each, 0.0))
    assert by_image is not None
    assert by_piece is not None
    assert alone is not None
    assert (by_piece.images, by_piece.pieces) == (48, 12)
    assert (by_image.images, by_image.pieces) == (48, 48)
    assert by_piece.mean == pytest.approx(alone.mean)
    assert by_piece.high - by_piece.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert by_piece.high - by_piece.low > 1.5 * (by_image.high - by_image.low)


def test_one_piece_alone_has_no_interval() -> None:
    mine = {("m", "a", str(i)): i / 10 for i in range(5)}
    found = paired_difference(mine, dict.fromkeys(mine, 0.0), pieces={("a", str(i)): "p" for i in range(5)})
    assert found is not None
    assert np.isnan(found.low)
