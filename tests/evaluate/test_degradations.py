"""Degradations against answers known beforehand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from flawscope.errors import ImageError, UsageError
from flawscope.evaluate.robustness import SHEET, choose
from flawscope.evaluate.robustness.examples import example_sheet
from flawscope.evaluate.robustness.geometry import rotate, scale
from flawscope.evaluate.robustness.tones import blur, gain_and_offset, illumination, jpeg, salt_and_pepper

KINDS: list[Any] = [np.uint8, np.uint16, np.float32]
WHITE = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}


def picture(kind: Any, height: int = 40, width: int = 40, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)
    return values if kind is np.float32 else np.rint(values * WHITE[kind]).astype(kind)


def flat(kind: Any, level: float, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), level * WHITE[kind]).astype(kind)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_do_gives_back_the_very_same(kind: Any) -> None:
    image, mask = picture(kind), np.eye(40, dtype=np.uint8)
    assert salt_and_pepper(image, 0.0, rng()) is image
    assert blur(image, 0.0) is image
    assert gain_and_offset(image, 1.0, 0.0) is image
    assert illumination(image, 0.0, 30.0) is image
    for angle in (0, 360, -720):
        assert rotate(image, mask, angle) == (image, mask)
    assert scale(image, mask, 1.0) == (image, mask)
    for one in SHEET.values():
        assert one.degrade(image, mask, 0, "name") == (image, mask)


@pytest.mark.parametrize("kind", KINDS)
def test_every_degree_keeps_the_convention_and_follows_from_the_name(kind: Any) -> None:
    image, mask = picture(kind, 30, 50), np.zeros((30, 50), np.uint8)
    mask[5:15, 5:25] = 1
    before = image.copy()
    for one in SHEET.values():
        for degree in range(1, len(one.degrees) + 1):
            worse, truth = one.degrade(image, mask, degree, "name")
            assert worse.dtype == image.dtype
            assert worse.shape == (*truth.shape, 3)
            assert truth.dtype == np.uint8
            assert worse.flags.c_contiguous
            assert worse.max() <= WHITE[kind]
            assert not np.array_equal(worse, image)
            again, same = one.degrade(image, mask, degree, "name")
            np.testing.assert_array_equal(worse, again)
            np.testing.assert_array_equal(truth, same)
    np.testing.assert_array_equal(image, before)
    noise = SHEET["noise"]
    for other in (noise.degrade(image, mask, 3, "other"), noise.degrade(image, mask, 3, "name", seed=1)):
        assert not np.array_equal(other[0], noise.degrade(image, mask, 3, "name")[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.2, 1.0])
def test_the_share_of_salt_and_pepper(kind: Any, share: float) -> None:
    image = flat(kind, 0.5)
    noisy = salt_and_pepper(image, share, rng())
    count = round(share * 2400)
    assert (noisy == 0).all(axis=2).sum() == count // 2
    assert (noisy == WHITE[kind]).all(axis=2).sum() == count - count // 2
    assert (noisy == image).all(axis=2).sum() == 2400 - count


@pytest.mark.parametrize("kind", KINDS)
def test_blur_keeps_what_is_flat_and_spreads_a_point(kind: Any) -> None:
    np.testing.assert_allclose(blur(flat(kind, 0.4), 3.0), flat(kind, 0.4), rtol=1e-6)
    image = flat(kind, 0.0, 41, 41)
    image[20, 20] = WHITE[kind]
    weights = blur(image, 2.0)[:, :, 0].astype(np.float64) / WHITE[kind]
    assert weights[20, 20] == pytest.approx(1 / (2 * np.pi * 4), rel=0.1)
    rows = np.arange(41) - 20
    if kind is not np.uint8:  # whose steps are too coarse for the tails
        assert weights.sum() == pytest.approx(1, abs=0.01)
        assert (weights.sum(axis=1) * rows**2).sum() == pytest.approx(4, rel=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_gain_and_offset(kind: Any) -> None:
    assert gain_and_offset(flat(kind, 0.4), gain=1.5).max() == pytest.approx(0.6 * WHITE[kind], abs=1)
    assert gain_and_offset(flat(kind, 0.4), offset=-0.1).min() == pytest.approx(0.3 * WHITE[kind], abs=1)
    assert gain_and_offset(flat(kind, 0.8), gain=2.0).min() == WHITE[kind]
    assert gain_and_offset(flat(kind, 0.1), offset=-0.2).max() == 0


@pytest.mark.parametrize(("direction", "bright"), [(0, (0, -1)), (90, (-1, 0)), (180, (0, 0)), (270, (0, 0))])
def test_light_grows_along_its_direction(direction: float, bright: tuple[int, int]) -> None:
    lit = illumination(flat(np.uint16, 0.5), 0.4, direction)[:, :, 0] / 65535
    assert lit[bright] == pytest.approx(0.7, abs=1e-4)
    assert lit.min() == pytest.approx(0.3, abs=1e-4)
    assert lit.mean() == pytest.approx(0.5, abs=1e-4)
    if direction in (0, 180):
        assert np.ptp(lit, axis=0).max() < 1e-4
    else:
        assert np.ptp(lit, axis=1).max() < 1e-4


def test_jpeg_is_what_a_file_would_hold() -> None:
    colour = cv2.GaussianBlur(picture(np.uint8), (0, 0), 2.0)
    _, encoded = cv2.imencode(".jpg", colour[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])
    np.testing.assert_array_equal(jpeg(colour, 40), cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1])
    grey = np.repeat(colour[:, :, :1], 3, axis=2)
    stored = jpeg(grey, 40)
    assert (stored == stored[:, :, :1]).all()
    deep = jpeg(grey.astype(np.uint16) * 257, 40)
    np.testing.assert_array_equal(deep, stored.astype(np.uint16) * 257)
    errors = [np.abs(jpeg(grey, quality).astype(int) - grey).mean() for quality in (90, 50, 10)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [40, 41])
def test_a_square_turned_by_90_is_rot90(kind: Any, side: int) -> None:
    image = picture(kind, side, side)
    mask = np.random.default_rng(1).integers(0, 3, (side, side), dtype=np.uint8)
    for angle, quarters in ((90, 1), (180, 2), (270, 3), (-90, 3)):
        turned, truth = rotate(image, mask, angle)
        np.testing.assert_array_equal(turned, np.rot90(image, quarters))
        np.testing.assert_array_equal(truth, np.rot90(mask, quarters))


@pytest.mark.parametrize("angle", [3, 15, 45, 77.7])
def test_image_and_mask_turn_together(angle: float) -> None:
    mask = np.zeros((201, 201), np.uint8)
    mask[85:105, 80:120] = 1
    turned, truth = rotate(np.repeat(mask[:, :, None], 3, axis=2) * np.uint8(255), mask, angle)
    assert int(truth.sum()) == pytest.approx(800, rel=0.02)
    assert ((turned[:, :, 0] > 127) != (truth > 0)).sum() <= 4
    middle = np.argwhere(mask).mean(axis=0) - (100, 100)
    radians = np.deg2rad(angle)
    # counter-clockwise for the eye, rows pointing down
    expected = (
        middle[0] * np.cos(radians) - middle[1] * np.sin(radians),
        middle[0] * np.sin(radians) + middle[1] * np.cos(radians),
    )
    np.testing.assert_allclose(np.argwhere(truth).mean(axis=0) - (100, 100), expected, atol=0.3)


def test_corners_are_reflected_in_both() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    mask = np.ones((40, 40), np.uint8)
    turned, truth = rotate(image, mask, 45)
    assert (turned == 200).all()
    assert truth.all()


@pytest.mark.parametrize("factor", [0.5, 0.6, 0.75, 1.5, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_scale_keeps_shares_of_area_and_places(factor: float, kind: Any) -> None:
    rows, columns = np.mgrid[:120, :160]
    mask = ((rows - 50) ** 2 + (columns - 70) ** 2 < 30**2).astype(np.uint8)
    mask[92:112, 100:148] = 2
    image = np.repeat((mask > 0)[:, :, None], 3, axis=2) * np.float32(1)
    image = image if kind is np.float32 else (image * WHITE[kind]).astype(kind)
    resized, truth = scale(image, mask, factor)
    assert truth.shape == resized.shape[:2] == (120 * factor, 160 * factor)
    for number in (1, 2):
        assert (truth == number).mean() == pytest.approx((mask == number).mean(), rel=0.02)
        centre = (np.argwhere(truth == number).mean(axis=0) + 0.5) / factor - 0.5
        np.testing.assert_allclose(centre, np.argwhere(mask == number).mean(axis=0), atol=0.4)
    assert ((resized[:, :, 0] > WHITE[kind] / 2) != (truth > 0)).mean() < 0.01


def test_lines_of_a_pixel_survive_halving_and_specks_do_not() -> None:
    image, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    mask[11] = 1
    assert scale(image, mask, 0.5)[1].sum() == 20
    mask[:] = 0
    mask[11, 11] = 1
    assert scale(image, mask, 0.5)[1].sum() == 0


def test_what_is_too_large_is_said() -> None:
    long = np.zeros((1, 40_000, 3), np.uint8)
    with pytest.raises(ImageError, match="more than 32,766 pixels a side cannot be turned"):
        rotate(long, long[:, :, 0], 5)
    longer = np.zeros((1, 70_000, 3), np.uint8)
    with pytest.raises(ImageError, match="a JPEG has at most 65,500 pixels a side"):
        jpeg(longer, 50)


def test_choosing() -> None:
    assert [one.name for one in choose(["jpeg", "blur"])] == ["blur", "jpeg"]
    assert choose(None) == tuple(SHEET.values())
    for names, says in (
        (["blr"], "no degradation named 'blr'. There are: noise, blur"),
        ([], "no degradation is"),
    ):
        with pytest.raises(UsageError, match=says):
            choose(names)


def test_the_example_is_drawn_and_its_first_column_untouched() -> None:
    sheet = example_sheet(choose(["blur", "scale"]))
    first, second = np.vsplit(sheet, 2)
    np.testing.assert_array_equal(first[:144, :144], second[:144, :144])
    np.testing.assert_array_equal(sheet, example_sheet(choose(["blur", "scale"])))
