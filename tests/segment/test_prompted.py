"""Segmenters prompted from supports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flawscope.errors import UsageError
from flawscope.images import Image
from flawscope.segment import (
    GrabCutSegmenter,
    Prompted,
    Prompts,
    PrototypeSegmenter,
    RegionSegmenter,
    Segmentation,
    Segmenter,
    SupportModel,
)
from flawscope.segment.likeness import agreement
from flawscope.segment.prompted import Witnessed, chosen
from flawscope.segment.regions import mean_by_region


def plate(seed: int, defect: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.zeros((80, 80), dtype=bool)
    if defect:
        row, column = rng.integers(8, 50, 2)
        mask[row : row + 20, column : column + 14] = True
    return np.clip(rng.normal(90, 6, mask.shape) + 70 * mask, 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def model() -> SupportModel:
    pairs = [plate(seed) for seed in range(3)]
    return SupportModel.fit([image for image, _ in pairs], [mask for _, mask in pairs])


class Recorder:
    """Keeps what it was asked and answers one half, with or without a quality."""

    name, labels, threshold = "recorder", ("defect",), 0.4

    def __init__(self, quality: float | None = None) -> None:
        self.asked: list[Prompts | None] = []
        self.quality = quality

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        self.asked.append(prompts)
        return Segmentation(np.full((1, *image.shape[:2]), 0.5, np.float32), self.quality)


@pytest.mark.parametrize("segmenter", [RegionSegmenter(), GrabCutSegmenter()])
def test_finds_the_defect_of_a_new_image(segmenter: Segmenter, model: SupportModel) -> None:
    prompted = Prompted(segmenter, model)
    assert isinstance(prompted, Segmenter)
    for seed in (10, 11):
        image, mask = plate(seed)
        answer = prompted.segment(image)
        found = answer.probability[0] > prompted.threshold
        assert (found & mask).sum() / (found | mask).sum() > 0.8
        assert answer.quality is not None
        assert 0.4 < answer.quality <= 1


def test_only_the_chosen_prompts_are_given(model: SupportModel) -> None:
    image, _ = plate(10)
    for use in (("points",), ("boxes",), ("mask",), ("points", "boxes")):
        recorder = Recorder()
        Prompted(recorder, model, use).segment(image)
        (asked,) = recorder.asked
        assert asked is not None
        assert (len(asked.points) > 0) == ("points" in use)
        assert (len(asked.boxes) > 0) == ("boxes" in use)
        assert (asked.mask is not None) == ("mask" in use)


def test_prompts_of_the_user_come_first(model: SupportModel) -> None:
    recorder, own = Recorder(), Prompts(np.array([[1, 2]], np.float32), np.array([1]))
    Prompted(recorder, model).segment(plate(10)[0], own)
    assert recorder.asked == [own]


def test_name_labels_and_threshold_are_the_segmenters(model: SupportModel) -> None:
    prompted = Prompted(Recorder(), model)
    assert (prompted.name, prompted.labels, prompted.threshold) == ("recorder+support", ("defect",), 0.4)
    assert "filters" in prompted.describe().method
    assert "filters" in PrototypeSegmenter(model).describe().method


def test_quality_is_the_segmenters_or_the_agreement(model: SupportModel) -> None:
    image, _ = plate(10)
    assert Prompted(Recorder(0.25), model).segment(image).quality == 0.25
    wanted = agreement(np.full((80, 80), 0.5, np.float32), model.similarity(image))
    assert Prompted(Recorder(), model).segment(image).quality == wanted


def test_where_nothing_is_suggested_the_answer_is_empty(model: SupportModel) -> None:
    recorder, strict = Recorder(), replace(model, head=replace(model.head, level=1e6))
    answer = Prompted(recorder, strict).segment(plate(10)[0])
    assert not recorder.asked
    assert not answer.probability.any()
    assert answer.probability.shape == (1, 80, 80)
    assert answer.quality == 0
    assert PrototypeSegmenter(strict).segment(plate(10)[0]).quality == 0


def test_the_prototype_segmenter_is_the_map(model: SupportModel) -> None:
    image, _ = plate(10)
    answer = PrototypeSegmenter(model).segment(image)
    np.testing.assert_array_equal(answer.probability[0], model.similarity(image))
    assert answer.quality is not None


def test_agreement_by_hand() -> None:
    mask = np.array([[1, 1, 0, 0]], dtype=np.float32)
    similarity = np.array([[1.0, 0.75, 0.75, 0.25]], dtype=np.float32)  # evidence 1, .5, .5, 0
    assert agreement(mask, similarity) == pytest.approx(1.5 / 2.5)
    assert agreement(mask, mask) == 1
    assert agreement(mask * 0, similarity * 0) == 0


def test_background_points_alone_say_nothing() -> None:
    only = Prompts(np.array([[1, 2]], np.float32), np.array([0]))
    assert chosen(only, ("points",)) is None


def test_unknown_prompts(model: SupportModel) -> None:
    for use in ((), ("points", "text")):
        with pytest.raises(UsageError, match="no such prompts"):
            Prompted(Recorder(), model, use)


def test_regions_take_the_mean_of_a_mask() -> None:
    numbers = np.array([[0, 0, 2], [0, 2, 2]], dtype=np.int32)  # no pixel has number 1
    values = np.array([[0.0, 0.3, 0.5], [0.6, 0.7, 0.9]], dtype=np.float32)
    np.testing.assert_allclose(mean_by_region(numbers, values), [[0.3, 0.3, 0.7], [0.3, 0.7, 0.7]], atol=1e-6)
    image = np.full((40, 40), 30, dtype=np.uint8)
    image[:, 20:] = 220
    hint = np.zeros((40, 40), dtype=np.float32)
    hint[10:30, 20:] = 1  # half of the bright side, and that is the larger share of no region
    answer = RegionSegmenter(sigma=0.01).segment(image, Prompts(mask=hint)).probability[0]
    np.testing.assert_allclose(answer[:, 20:], 0.5)
    np.testing.assert_allclose(answer[:, :20], 0)
    with pytest.raises(UsageError, match="mask"):
        RegionSegmenter().segment(image, Prompts(mask=hint[:5]))


class Silent(Recorder):
    """Answers no map at all."""

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(np.zeros((0, *image.shape[:2]), np.float32), self.quality)


@pytest.mark.parametrize("wrapped", [Prompted, Witnessed])
def test_a_segmenter_without_any_map_has_quality_0(
    wrapped: type[Prompted] | type[Witnessed], model: SupportModel
) -> None:
    image, _ = plate(10)
    assert wrapped(Silent(), model).segment(image).quality == 0


def test_a_witness_says_how_well_the_answer_fits_and_leaves_a_quality_of_its_own_alone(
    model: SupportModel,
) -> None:
    image, _ = plate(10)
    segmenter = Recorder()
    answer = Witnessed(segmenter, model).segment(image)
    assert segmenter.asked == [None]  # no prompts
    np.testing.assert_array_equal(answer.evidence, model.similarity(image))
    assert answer.quality == agreement(np.full((80, 80), 0.5, np.float32), model.similarity(image))
    assert Witnessed(Recorder(0.7), model).segment(image).quality == 0.7


def test_supports_tell_segmenters_apart(model: SupportModel) -> None:
    pairs = [plate(seed) for seed in range(5, 8)]
    other = SupportModel.fit([image for image, _ in pairs], [mask for _, mask in pairs])
    assert model.fingerprint() == SupportModel.from_arrays(model.to_arrays()).fingerprint()
    methods = {Witnessed(Recorder(), one).describe().method for one in (model, other)}
    assert len(methods) == 2
