"""From probabilities to masks."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.images import Image
from flawscope.segment import Prompts, Segmentation, Segmenter, binarize, otsu, predict, without_specks


class Fixed:
    """A segmenter that always answers the same."""

    name = "fixed"
    threshold = 0.5

    def __init__(self, probability: np.ndarray, labels: tuple[str, ...] = ("pit",)) -> None:
        self.probability = probability.astype(np.float32)
        self.labels = labels

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(self.probability)


def test_one_class_exceeds_the_threshold_strictly() -> None:
    probability = np.array([[[0.2, 0.5, 0.51]]], dtype=np.float32)
    assert binarize(probability, 0.5).tolist() == [[0, 0, 1]]
    assert binarize(probability, 0.1).tolist() == [[1, 1, 1]]


def test_several_classes_by_the_probability_of_any_defect() -> None:
    # Background 0.3: defect though no class alone exceeds one half. Background 0.6: none.
    probability = np.array([[[0.4, 0.3]], [[0.3, 0.1]]], dtype=np.float32)
    assert binarize(probability, 0.5).tolist() == [[1, 0]]
    assert binarize(probability[::-1], 0.5).tolist() == [[2, 0]]


def test_otsu_separates_two_levels_and_finds_nothing_in_a_constant_map() -> None:
    values = np.array([[0.01, 0.011, 0.03], [0.01, 0.031, 0.03]], dtype=np.float32)
    assert otsu(values).tolist() == [[False, False, True], [False, True, True]]
    assert not otsu(np.full((3, 3), 0.9, np.float32)).any()


def test_otsu_calls_the_highest_noise_of_a_clean_image_a_defect() -> None:
    """The paper's way of measuring, and the reason why it is not the default."""
    noise = np.array([[[1e-6, 2e-6, 1e-6, 1e-6]]], dtype=np.float32)
    assert binarize(noise, 0.5, "otsu").tolist() == [[0, 1, 0, 0]]
    assert binarize(noise, 0.5).tolist() == [[0, 0, 0, 0]]


def test_specks_go_class_by_class() -> None:
    mask = np.array([[1, 1, 0, 2], [0, 0, 0, 2], [1, 0, 0, 2]], dtype=np.uint8)
    assert without_specks(mask, 3).tolist() == [[0, 0, 0, 2], [0, 0, 0, 2], [0, 0, 0, 2]]
    assert without_specks(mask, 2).tolist() == [[1, 1, 0, 2], [0, 0, 0, 2], [0, 0, 0, 2]]
    assert mask[2, 0] == 1


def test_predict_lists_what_the_mask_shows() -> None:
    probability = np.zeros((1, 5, 5))
    probability[0, 1:3, 1:4], probability[0, 4, 4] = 0.75, 0.625
    answer = predict(Fixed(probability), np.zeros((5, 5), np.uint8), source="a", min_area=2)
    assert answer.mask.sum() == 6
    (defect,) = answer.defects
    assert (defect.box, defect.area, defect.score) == ((1, 1, 3, 2), 6, pytest.approx(0.75))
    assert (answer.source, answer.threshold, answer.weights) == ("a", 0.5, "fixed")
    strict = predict(Fixed(probability), np.zeros((5, 5), np.uint8), threshold=0.7, keep_probability=False)
    assert (strict.mask.sum(), strict.threshold, strict.probability) == (6, 0.7, None)
    assert predict(Fixed(probability), np.zeros((5, 5), np.uint8), method="otsu").threshold is None


def test_a_clean_image_gives_an_empty_mask() -> None:
    answer = predict(Fixed(np.full((1, 4, 5), 0.1)), np.zeros((4, 5), np.uint8))
    assert not answer.mask.any()
    assert answer.defects == ()
    assert answer.defect_fraction == 0.0


def test_what_segments_is_a_segmenter() -> None:
    assert isinstance(Fixed(np.zeros((1, 2, 2))), Segmenter)
