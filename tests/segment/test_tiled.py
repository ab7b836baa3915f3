"""Overlapping tiles against the same segmenter without tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from flawscope.errors import ImageError, UsageError
from flawscope.segment import Prompts, Segmentation, Tiled, binarize, describe, load
from flawscope.segment.tiled import tile_starts

KERNEL = np.random.default_rng(0).random((7, 7)).astype(np.float32)


class Local:
    """Two classes from 3 pixels around each pixel; black outside the image, as networks pad."""

    name, labels, threshold = "local", ("one", "two"), 0.5

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        grey = image[:, :, 0].astype(np.float32) / 255
        near = ndimage.correlate(grey, KERNEL / KERNEL.sum(), mode="constant")
        return Segmentation(np.stack((near, 0.6 * (1 - near))).astype(np.float32))


class Border:
    """0.2 everywhere, but for what depends on the border of what it sees: 0.9 there, ``depth`` pixels deep."""

    name, labels, threshold = "border", ("defect",), 0.5

    def __init__(self, depth: int) -> None:
        self.depth = depth

    def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
        answer = np.full((1, *image.shape[:2]), 0.9, np.float32)
        answer[:, self.depth : -self.depth, self.depth : -self.depth] = 0.2
        return Segmentation(answer)


def noise(height: int, width: int) -> np.ndarray:
    grey = np.random.default_rng(height * width).integers(0, 256, (height, width, 1), dtype=np.uint8)
    return np.repeat(grey, 3, axis=2)


@settings(deadline=None, max_examples=40)
@given(st.integers(24, 90), st.integers(24, 90), st.just(12))
def test_a_bounded_receptive_field_gives_the_same_labels(height: int, width: int, overlap: int) -> None:
    image = noise(height, width)
    whole = Local().segment(image).probability
    tiled = Tiled(Local(), 24, overlap).segment(image).probability
    np.testing.assert_array_equal(tiled, whole)
    np.testing.assert_array_equal(binarize(tiled, 0.5), binarize(whole, 0.5))


@pytest.mark.parametrize("depth", [1, 4])
def test_what_a_tile_sees_within_a_quarter_of_the_overlap_of_its_border_counts_nowhere(depth: int) -> None:
    answer = Tiled(Border(depth), 40, 16).segment(noise(130, 170)).probability[0]
    inside = answer[depth:-depth, depth:-depth]
    np.testing.assert_array_equal(inside, np.float32(0.2))
    assert (answer[0] == np.float32(0.9)).all()
    one_more = Tiled(Border(5), 40, 16).segment(noise(130, 170)).probability[0]
    assert (one_more[5:-5, 5:-5] > 0.2).any()


def test_tiles_blend_along_a_raised_cosine() -> None:
    class First:
        name, labels, threshold = "first", ("defect",), 0.5

        def segment(self, image: np.ndarray, prompts: Prompts | None = None) -> Segmentation:
            return Segmentation(np.full((1, *image.shape[:2]), image[0, 0, 0] / 255, np.float32))

    image = np.zeros((16, 24, 3), np.uint8)
    image[:, 8:] = 255  # the second tile begins at column 8
    row = Tiled(First(), 16, 8).segment(image).probability[0, 0]
    rising = [(1 - np.cos(np.pi * place / 5)) / 2 for place in (1, 2, 3, 4)]
    np.testing.assert_allclose(row, [0] * 10 + rising + [1] * 10, atol=1e-6)


def test_where_tiles_begin() -> None:
    assert tile_starts(100, 40, 10) == [0, 30, 60]
    assert tile_starts(101, 40, 10) == [0, 30, 60, 61]
    assert tile_starts(40, 40, 10) == [0]
    assert tile_starts(7, 40, 10) == [0]


@pytest.mark.parametrize("shape", [(100, 61), (24, 24), (25, 90), (90, 13), (7, 60)])
def test_going_on_after_any_band_gives_the_rest_to_the_bit(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    tiled = Tiled(Local(), 24, 5)
    whole = list(tiled.bands(lambda start, stop: image[start:stop]))
    assert [band.top for band in whole] == np.cumsum([0] + [len(b.image) for b in whole[:-1]]).tolist()
    np.testing.assert_array_equal(np.concatenate([band.image for band in whole]), image)
    for done, band in enumerate(whole):
        if band.resume_at is None:
            continue
        rest = list(tiled.bands(lambda start, stop: image[start:stop], after=band.resume_at))
        assert [b.top for b in rest] == [b.top for b in whole[done + 1 :]]
        for one, other in zip(rest, whole[done + 1 :], strict=True):
            np.testing.assert_array_equal(one.probability, other.probability)


def test_going_on_in_a_shorter_image_is_refused() -> None:
    image = noise(30, 30)
    with pytest.raises(ImageError, match=r"rows up to .* were done earlier"):
        list(Tiled(Local(), 24, 5).bands(lambda start, stop: image[start:stop], after=3))


def test_an_image_lower_than_a_tile_and_no_wider_is_seen_as_it_is() -> None:
    image = noise(20, 24)
    np.testing.assert_array_equal(
        Tiled(Border(3), 24).segment(image).probability, Border(3).segment(image).probability
    )


def test_tiles_of_the_input_size_are_seen_pixel_by_pixel(bright_weights: Callable[..., Path]) -> None:
    """The network knows single pixels: untiled, a bright one of 100 is lost in the reduction to 32 x 32."""
    image = np.full((100, 100, 3), 20, np.uint8)
    image[50, 50] = 255
    network = load(bright_weights(imgsz=(32, 32)), device="cpu")
    tiled = Tiled(network)
    assert (tiled.tile, tiled.overlap) == ((32, 32), 8)
    assert not binarize(network.segment(image).probability, 0.5).any()
    assert np.argwhere(binarize(tiled.segment(image).probability, 0.5)).tolist() == [[50, 50]]
    assert not binarize(Tiled(network, 100).segment(image).probability, 0.5).any()
    assert describe(tiled).method.endswith("tiles of 32 x 32 px, overlap 8 px")
    assert describe(tiled).fingerprint == describe(network).fingerprint


def test_tiles_said_to_be_empty_are_not_seen() -> None:
    image = noise(60, 60)
    assert not Tiled(Local(), 24, is_empty=lambda tile: True).segment(image).probability.any()
    seen = Tiled(Local(), 24, 6, is_empty=lambda tile: False).segment(image).probability
    np.testing.assert_array_equal(seen, Tiled(Local(), 24, 6).segment(image).probability)


@pytest.mark.parametrize(("tile", "overlap"), [(4, 0), (32, 17), (32, -1), ((64, 16), 9)])
def test_tiles_that_cannot_be(tile: int | tuple[int, int], overlap: int) -> None:
    with pytest.raises(UsageError, match="tile"):
        Tiled(Local(), tile, overlap)
