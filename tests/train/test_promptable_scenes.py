from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from flawscope.data.samples import open_data
from flawscope.train.promptable.batches import Source, halved, make_batch, normalised
from flawscope.train.promptable.materials import Picture, defective, drawn, photographed
from flawscope.train.promptable.scenes import SMALLEST, compose
from flawscope.train.promptable.shapes import random_shape


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return drawn(6, 3, 96)


def test_drawn_pictures_come_back_from_their_cache(tmp_path: Path, pictures: list[Picture]) -> None:
    cache = tmp_path / "drawn.npy"
    drawn(6, 3, 96, cache)
    kept = drawn(6, 3, 96, cache)
    for one, two in zip(pictures, kept, strict=True):
        np.testing.assert_array_equal(one.grey, two.grey)
        np.testing.assert_array_equal(one.mask, two.mask)
    assert len(drawn(2, 3, 96, cache)) == 2, "a cache of another number is drawn anew"


def test_photographs_are_grey_and_no_larger_than_asked(toy: Path) -> None:
    found = photographed(open_data(toy), longest=32)
    assert {picture.grey.shape for picture in found} == {(24, 32)}
    assert len(defective(found)) == 10
    first = defective(found)[0]
    assert first.grey[first.mask > 0].mean() > 200 > first.grey[first.mask == 0].mean() + 80


def test_what_a_scene_asks_for_is_there(pictures: list[Picture]) -> None:
    padded = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scene = compose(rng, pictures[seed % 6], pictures, 96)
        assert scene.grey.shape == (96, 96)
        assert 0 <= scene.grey.min() <= scene.grey.max() <= 1
        assert scene.chances.sum() == pytest.approx(1)
        assert len(scene.regions) == len(scene.chances) == len(scene.boxable)
        rows, columns = scene.filled
        padded += (rows, columns) != (96, 96)
        for region in scene.regions:
            assert region.sum() >= SMALLEST
            assert not region[rows:].any()
            assert not region[:, columns:].any()
    assert 5 < padded < 40


def test_a_flat_surface_shows_exactly_the_texture_laid_on_it() -> None:
    flat = Picture(np.full((64, 64), 128, np.uint8), np.zeros((64, 64), np.uint8))
    noisy = Picture(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8), flat.mask)
    found = 0
    for seed in range(40):
        scene = compose(np.random.default_rng(seed), flat, [noisy], 64)
        if len(scene.regions) < 2 or scene.filled != (64, 64):
            continue
        *textures, background = scene.regions
        everything = np.logical_or.reduce([*textures, background])
        assert everything.all(), "the last region is all that is not texture"
        assert not (background & np.logical_or.reduce(textures)).any()
        assert scene.boxable == (*[True] * len(textures), False), (
            "the sound surface is asked for by clicks alone"
        )
        found += 1
    assert found > 10


def test_shapes_differ_in_size_and_stay_in_the_square() -> None:
    areas = [random_shape(np.random.default_rng(seed), 64).mean() for seed in range(100)]
    assert np.quantile(areas, 0.1) < 0.02
    assert np.quantile(areas, 0.9) > 0.08


def test_a_batch_depends_on_seed_and_step_alone(pictures: list[Picture]) -> None:
    sources = [Source(pictures, 1.0)]
    one = make_batch(sources, pictures, 64, 2, 3, seed=5, step=7)
    two = make_batch(sources, pictures, 64, 2, 3, seed=5, step=7)
    other = make_batch(sources, pictures, 64, 2, 3, seed=5, step=8)
    assert (one.pixels == two.pixels).all()
    assert (one.places == two.places).all()
    assert (one.target == two.target).all()
    assert one.pixels.shape == (2, 3, 64, 64)
    assert one.target.shape == one.inside.shape == (6, 32, 32)
    assert not (one.pixels == other.pixels).all()


def test_normalisation_is_sams_and_padding_is_zero() -> None:
    pixels = normalised(np.full((8, 8), 0.485, np.float32), (6, 8))
    np.testing.assert_allclose(pixels[0], 0, atol=1e-6)
    np.testing.assert_allclose(pixels[1, :6], (0.485 - 0.456) / 0.224, rtol=1e-5)
    assert (pixels[:, 6:] == 0).all()
    np.testing.assert_array_equal(halved(np.eye(4, dtype=np.float32)), np.eye(2, dtype=np.float32) / 2)
