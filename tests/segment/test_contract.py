"""What every segmenter keeps, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flawscope.images import check_image
from flawscope.segment import Prompts, Segmenter, describe, open_segmenter, predict
from flawscope.segment.description import made_with

KINDS = ["regions", "grabcut", "network", "sam", "sam2"]
SHAPES = [(1, 1), (1, 9), (3, 500), (37, 20), (70, 70)]


@pytest.fixture(scope="module")
def opened(
    bright_weights: Callable[..., Path], sam_folder: Callable[[str], Path]
) -> Callable[[str], Segmenter]:
    made: dict[str, Segmenter] = {}

    def get(kind: str) -> Segmenter:
        if kind not in made:
            spec = kind
            if kind.startswith("sam"):
                spec = f"sam:{sam_folder(kind)}"
            elif kind == "network":
                spec = f"network:{bright_weights()}"
            made[kind] = open_segmenter(spec, device="cpu")
        return made[kind]

    return get


def prompts(height: int, width: int) -> Prompts:
    return Prompts(
        points=np.array([[width / 2, height / 2]]),
        point_labels=np.array([1]),
        boxes=np.array([[0, 0, width / 2 + 1, height / 2 + 1]]),
    )


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height + width)
    image = rng.integers(60, 90, (height, width, 3), dtype=np.uint8)
    image[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = (220, 210, 190)
    return image


VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "colour": lambda image: image,
    "grey": lambda image: check_image(image[:, :, 0]),
    "16 bits": lambda image: image.astype(np.uint16) * 257,
    "float": lambda image: image.astype(np.float32) / 255,
    "constant": lambda image: np.full_like(image, 128),
    "not contiguous": lambda image: image[::-1, :, ::-1],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_image_gives_probabilities_of_its_size_twice_the_same(
    kind: str, variant: str, shape: tuple[int, int], opened: Callable[[str], Segmenter]
) -> None:
    segmenter = opened(kind)
    image = VARIANTS[variant](picture(*shape))
    before = image.copy()
    given = prompts(*shape)
    for one in (given,) if kind == "grabcut" else (None, given):
        answer = segmenter.segment(image, one)
        assert answer.probability.shape == (len(segmenter.labels), *shape)
        assert answer.probability.dtype == np.float32
        assert 0 <= answer.probability.min() <= answer.probability.max() <= 1
        assert answer.quality is None or 0 <= answer.quality <= 1
        again = segmenter.segment(image, one)
        np.testing.assert_array_equal(answer.probability, again.probability)
        assert answer.quality == again.quality
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_segmenter_that_says_what_it_is(kind: str, opened: Callable[[str], Segmenter]) -> None:
    segmenter = opened(kind)
    assert isinstance(segmenter, Segmenter)
    assert 0 <= segmenter.threshold <= 1
    about = describe(segmenter)
    assert about.labels == segmenter.labels
    assert about.method
    assert (about.fingerprint is None) == (kind in ("regions", "grabcut"))
    assert made_with(segmenter).startswith(segmenter.name)


@pytest.mark.parametrize("kind", ["regions", "sam"])
def test_eight_bits_and_the_same_in_sixteen_give_the_same_mask(
    kind: str, opened: Callable[[str], Segmenter]
) -> None:
    image = picture(70, 70)
    one, two = (opened(kind).segment(each).probability for each in (image, image.astype(np.uint16) * 257))
    assert ((one > 0.5) == (two > 0.5)).mean() > 0.99


def test_a_constant_image_has_no_region_but_the_background(opened: Callable[[str], Segmenter]) -> None:
    image = np.full((50, 60), 77, dtype=np.uint8)
    assert opened("regions").segment(image).probability.sum() == 0
    assert predict(opened("regions"), image).defects == ()
