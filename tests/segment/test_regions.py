"""Graph-based regions on images whose regions are known."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.segment import RegionSegmenter
from flawscope.segment.regions import all_but_dominant, graph_regions


def plates(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise of +-4 on a ground of 100 with plates of 160 and 40, and their numbers."""
    truth = np.zeros((120, 160), dtype=np.uint8)
    truth[20:50, 30:80], truth[70:100, 90:140] = 1, 2
    level = np.array([100, 160, 40])[truth]
    noise = np.random.default_rng(seed).integers(-4, 5, truth.shape)
    return (level + noise).astype(np.uint8), truth


def test_regions_are_the_plates() -> None:
    image, truth = plates()
    numbers = graph_regions(np.dstack([image] * 3))
    inner = np.zeros_like(truth, dtype=bool)
    for rows, columns in (
        (slice(0, 17), slice(0, 160)),
        (slice(23, 47), slice(33, 77)),
        (slice(73, 97), slice(93, 137)),
    ):
        inner[rows, columns] = True  # three pixels from every border, which the blur softens
    pairs = set(zip(truth[inner].tolist(), numbers[inner].tolist(), strict=True))
    assert len(pairs) == 3
    assert len({number for _, number in pairs}) == 3


def test_all_but_the_largest_region_is_defect() -> None:
    image, truth = plates()
    answer = RegionSegmenter().segment(image)
    mask = answer.probability[0] > 0.5
    assert (mask & (truth > 0)).sum() / (mask | (truth > 0)).sum() > 0.93
    assert answer.quality is None


def test_a_defect_that_fills_most_of_the_image_is_taken_for_the_background() -> None:
    image = np.full((50, 50), 40, dtype=np.uint8)
    image[:, 40:] = 200
    mask = RegionSegmenter(sigma=0.01).segment(image).probability[0]
    np.testing.assert_array_equal(mask, (image == 200).astype(np.float32))


def test_the_dominant_number_by_hand() -> None:
    np.testing.assert_array_equal(
        all_but_dominant(np.array([[0, 2, 2], [1, 2, 0]], dtype=np.int32)), [[1, 0, 0], [1, 0, 1]]
    )
    np.testing.assert_array_equal(
        all_but_dominant(np.array([[3, 1], [1, 3]], dtype=np.int32)), [[1, 0], [0, 1]]
    )


def test_small_regions_join_their_neighbour() -> None:
    image = np.full((60, 60), 100, dtype=np.uint8)
    image[5:13, 5:13], image[30:50, 30:50] = 250, 250  # 64 and 400 pixels
    both = RegionSegmenter(sigma=0.01, min_size=50).segment(image).probability[0]
    one = RegionSegmenter(sigma=0.01, min_size=100).segment(image).probability[0]
    assert both.sum() == 464
    assert one.sum() == 400


def test_parameters_out_of_range() -> None:
    for options in ({"sigma": 0.0}, {"k": 0.0}, {"min_size": 0}, {"k": float("nan")}):
        with pytest.raises(UsageError, match=f"regions: {next(iter(options))} must be at least"):
            RegionSegmenter(**options)
