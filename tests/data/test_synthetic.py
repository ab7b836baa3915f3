from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from flawscope.data.synthetic import KINDS, SURFACES, draw
from flawscope.data.synthetic.defects import draw_defect
from flawscope.data.synthetic.noise import cloud, frame
from flawscope.data.synthetic.surface import Surface, draw_surface
from flawscope.errors import UsageError

SIZES = [(1, 1), (1, 400), (400, 1), (3, 2), (17, 503), (2000, 300)]


def test_one_seed_gives_one_image_and_other_seeds_others() -> None:
    first, first_mask, _ = draw((4, 2), 96, 120)
    again, again_mask, _ = draw((4, 2), 96, 120)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first_mask, again_mask)
    others = [draw(seed, 96, 120)[0] for seed in ((4, 3), (5, 2), 4)]
    assert all(np.abs(first.astype(int) - other).mean() > 1 for other in others)


def test_numpys_global_state_neither_matters_nor_changes() -> None:
    np.random.seed(1)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]  # noqa: NPY002
    draw(0, 32, 32)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size_is_drawn_with_a_defect_on_it(surface: str, height: int, width: int) -> None:
    image, mask, labels = draw((0, height, width), height, width, surface=surface, clean_probability=0)
    assert (image.shape, image.dtype) == ((height, width, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((height, width), np.uint8)
    assert labels == KINDS
    assert 1 <= mask.max() <= len(KINDS)


def test_clean_images_have_empty_masks_as_often_as_asked() -> None:
    assert not any(draw(seed, 24, 24, clean_probability=1)[1].any() for seed in range(30))
    assert all(draw(seed, 24, 24, clean_probability=0)[1].any() for seed in range(30))
    share = np.mean([not draw(seed, 24, 24, clean_probability=0.5)[1].any() for seed in range(200)])
    assert 0.38 < share < 0.62


def test_every_kind_appears_under_its_own_number() -> None:
    seen = {int(value) for seed in range(60) for value in np.unique(draw(seed, 64, 64)[1])}
    assert seen == set(range(len(KINDS) + 1))
    for number, kind in enumerate(KINDS):
        _, mask, labels = draw((1, number), 64, 64, kinds=(kind,), clean_probability=0)
        assert labels == (kind,)
        assert set(np.unique(mask)) <= {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_is_where_the_defect_shows(kind: str) -> None:
    """On an even surface the changed pixels tell the truth: opacity above half, to the pixel."""
    surface = Surface(np.full((120, 160), 0.5, dtype=np.float32), 0.0, 0.0)
    for seed in range(12):
        layer = draw_defect(np.random.default_rng(seed), kind, surface)
        assert layer.opacity.min() >= 0
        assert layer.opacity.max() <= 1
        inside = layer.opacity > 0.5
        assert np.abs(layer.shade[inside] - 0.5).min() >= 0.02, "the whole defect differs from its ground"
        shown = surface.light + layer.opacity * (layer.shade - surface.light)
        far = layer.opacity == 0
        np.testing.assert_array_equal(shown[far], surface.light[far])
        signs = np.sign(layer.shade[inside] - 0.5)
        assert (signs == signs[0]).all(), "a defect is bright or dark, not both"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("surface", SURFACES)
def test_defects_stand_out_from_their_neighbourhood_in_the_finished_picture(kind: str, surface: str) -> None:
    contrasts = []
    for index in range(12):
        image, mask, _ = draw((3, index), 160, 160, surface=surface, kinds=(kind,), clean_probability=0)
        grey = image.mean(axis=2)
        count, pieces = cv2.connectedComponents(mask)
        for piece in range(1, count):
            inside = (pieces == piece).astype(np.uint8)
            wide, narrow = (cv2.dilate(inside, np.ones((side, side), np.uint8)) for side in (11, 5))
            around = (wide > narrow) & (mask == 0)
            if inside.sum() >= 20 and around.any():
                contrasts.append(abs(float(grey[inside > 0].mean() - grey[around].mean())))
    assert np.median(contrasts) > 15, "grey levels"
    assert np.percentile(contrasts, 10) > 4


def test_cracks_pits_and_blowholes_are_dark_and_scratches_are_both() -> None:
    surface = Surface(np.full((100, 100), 0.5, dtype=np.float32), 0.0, 0.0)

    def bright(kind: str) -> float:
        layers = [draw_defect(np.random.default_rng(seed), kind, surface) for seed in range(40)]
        return float(np.mean([layer.shade[layer.opacity > 0.5].mean() > 0.5 for layer in layers]))

    assert bright("crack") == bright("pit") == bright("blowhole") == 0
    assert 0.4 < bright("scratch") < 1


def test_sizes_and_directions_of_defects_vary() -> None:
    areas = []
    angles = []
    for index in range(60):
        mask = draw((8, index), 128, 128, kinds=("scratch",), clean_probability=0)[1]
        areas.append(int(mask.sum()))
        moments = cv2.moments(mask, binaryImage=True)
        angles.append(0.5 * np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"]))
    assert np.percentile(areas, 90) > 5 * np.percentile(areas, 10)
    assert np.histogram(angles, bins=4, range=(-np.pi / 2, np.pi / 2))[0].min() >= 1


@pytest.mark.parametrize("surface", SURFACES)
def test_surfaces_vary_in_light_contrast_and_grain(surface: str) -> None:
    images = [
        draw((2, index), 96, 96, surface=surface, clean_probability=1)[0][:, :, 0] for index in range(40)
    ]
    levels = [float(image.mean()) for image in images]
    fine = [float(np.abs(np.diff(image.astype(int), axis=1)).mean()) for image in images]
    assert np.std(levels) > 15, "grey levels"
    assert np.percentile(fine, 90) > 2 * np.percentile(fine, 10)
    assert all(20 < level < 235 for level in np.percentile(levels, (10, 90)))
    assert len({image.tobytes() for image in images}) == 40


def test_steel_is_rolled_both_ways_and_tiles_are_ground_one_way() -> None:
    def smoother_down(surface: str, index: int) -> bool:
        light = draw_surface(np.random.default_rng((6, index)), 96, 96, surface).light
        light = cv2.GaussianBlur(light, (0, 0), 1.0)
        return float(np.abs(np.diff(light, axis=0)).mean()) < float(np.abs(np.diff(light, axis=1)).mean())

    steel = [smoother_down("steel", index) for index in range(40)]
    assert 8 <= sum(steel) <= 32
    assert sum(smoother_down("tile", index) for index in range(40)) >= 34


def test_smooth_noise_is_standard_and_as_coarse_as_asked() -> None:
    rng = np.random.default_rng(0)
    fine, coarse = cloud(rng, 200, 200, (4, 4)), cloud(rng, 200, 200, (40, 40))
    streaks = cloud(rng, 200, 200, (80, 4))
    for noise in (fine, coarse, streaks):
        assert abs(float(noise.mean())) < 1e-3
        assert float(noise.std()) == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(fine, axis=1)).mean() > 4 * np.abs(np.diff(coarse, axis=1)).mean()
    assert np.abs(np.diff(streaks, axis=1)).mean() > 4 * np.abs(np.diff(streaks, axis=0)).mean()


def test_frames_measure_along_and_across() -> None:
    along, across = frame(3, 5, (2.0, 1.0), np.pi / 2)
    assert (along[2, 2], across[2, 2]) == (pytest.approx(1), pytest.approx(0))
    assert (along[1, 4], across[1, 4]) == (pytest.approx(0, abs=1e-6), pytest.approx(-2))


@pytest.mark.parametrize(
    "mistake",
    [
        {"height": 0},
        {"surface": "wood"},
        {"kinds": ()},
        {"kinds": ("dent",)},
        {"kinds": ("pit", "pit")},
        {"clean_probability": 1.5},
    ],
)
def test_mistakes_say_what_there_is(mistake: dict[str, object]) -> None:
    options: dict[str, object] = {"height": 8, "width": 8, **mistake}
    with pytest.raises(UsageError):
        draw(0, **options)  # type: ignore[arg-type]


def test_drawing_is_fast_enough_to_pretrain_on() -> None:
    started = time.process_time()
    for index in range(8):
        draw((0, index), 256, 256)
    assert (time.process_time() - started) / 8 < 0.25, "seconds; about 0.025 on one core"
