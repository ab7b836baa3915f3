import pickle

import numpy as np
import pytest

from flawscope.errors import DataError, ImageError
from flawscope.sdie.shots import Shot, check_shots, symmetries


def test_a_shot_keeps_image_and_mask_in_the_convention(toy) -> None:
    plane = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    mask = np.zeros((3, 4), np.uint8)
    mask[1, 2] = 3  # a class number: any defect counts
    shot = Shot(plane, mask, toy.segmenter(), "scratch")
    assert shot.image.shape == (3, 4, 3)
    np.testing.assert_array_equal(shot.image[:, :, 1], plane)
    assert shot.mask.dtype == np.bool_
    assert shot.mask.sum() == 1


def test_a_support_without_a_defect_is_refused_in_one_line(toy) -> None:
    with pytest.raises(DataError, match=r"^tile-7\.png: a support image without a defect\. Learn") as caught:
        Shot(np.zeros((4, 4), np.uint8), np.zeros((4, 4)), toy.segmenter(), "blowhole", "tile-7.png")
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_size_is_refused(toy) -> None:
    with pytest.raises(DataError, match="its mask is 4x5 and its image 5x4 pixels"):
        Shot(np.zeros((5, 4), np.uint8), np.ones((4, 5)), toy.segmenter())


def test_what_is_no_image_is_refused(toy) -> None:
    with pytest.raises(ImageError, match="NaN"):
        Shot(np.full((4, 4), np.nan, np.float32), np.ones((4, 4)), toy.segmenter())


def test_eight_symmetries_are_distinct_and_move_image_and_mask_together(toy) -> None:
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    shot = Shot(plane, plane == 5, toy.segmenter(), "a", "x.png")
    turned = symmetries(shot)
    assert turned[0].source == "x.png"
    assert len({one.source for one in turned}) == 8
    assert len({(one.image.shape, one.image.tobytes()) for one in turned}) == 8
    for one in turned:
        assert one.image[one.mask].tolist() == [[5, 5, 5]]
        assert sorted(one.image[:, :, 0].ravel()) == list(range(12))
        assert one.segmenter is shot.segmenter


def test_a_turned_shot_travels_to_another_process(toy) -> None:
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    turned = symmetries(Shot(plane, plane == 5, None, "a", "x.png"))[5]  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(turned))
    assert (again.name, again.source) == ("a", "x.png#m90")
    np.testing.assert_array_equal(again.image, turned.image)
    np.testing.assert_array_equal(again.mask, turned.mask)
    assert again.image.flags.c_contiguous


def test_no_shots() -> None:
    with pytest.raises(DataError, match="no labelled images"):
        check_shots([])
