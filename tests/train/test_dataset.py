import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from flawscope.data.samples import open_data
from flawscope.segment.header import Header
from flawscope.segment.preprocess import network_input
from flawscope.train.augment import Augment, resize_only, surface_augment, symmetry
from flawscope.train.dataset import EpochSampler, TrainingSet, ValidationSet, Visits, class_maps

HEADER = Header(model="ocinet-nano", imgsz=(64, 64), labels=("defect",))


def test_without_augmentation_training_sees_what_prediction_sees(toy: Path) -> None:
    data = open_data(toy).binary()
    training = TrainingSet(data, HEADER, resize_only(64, 64), seed=0)
    pixels, target = training[2]
    image, mask = data.samples[2].read()
    assert np.abs(pixels.numpy() - network_input(image, HEADER)).max() < 1e-5
    assert float(target.mean()) == pytest.approx(float((mask > 0).mean()), abs=1e-3)


def test_items_depend_on_seed_epoch_and_position_alone(toy: Path) -> None:
    data = open_data(toy).binary()
    one, other = (TrainingSet(data, HEADER, surface_augment(64, 64), seed=4) for _ in range(2))
    torch.manual_seed(99)
    first = one[5][0]
    state = torch.get_rng_state()
    one[7], other[3]
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is left alone
    assert torch.equal(other[5][0], first)
    assert not torch.equal(one[5 + len(one)][0], first)  # the next epoch
    assert not torch.equal(TrainingSet(data, HEADER, surface_augment(64, 64), seed=5)[5][0], first)


@pytest.mark.parametrize("augment", [resize_only, surface_augment])
def test_processes_started_afresh_get_the_same_items(toy: Path, augment: Callable[..., Augment]) -> None:
    training = TrainingSet(open_data(toy).binary(), HEADER, augment(64, 64), seed=4)
    other = pickle.loads(pickle.dumps(training))  # what macOS and Windows do for --workers
    for one, twin in zip(training[5], other[5], strict=True):
        assert torch.equal(one, twin)


def test_eight_copies_are_the_symmetries(toy: Path) -> None:
    data = open_data(toy).binary()
    copies = TrainingSet(data, HEADER, resize_only(64, 64), seed=0, copies=8)
    assert len(copies) == 8 * len(data)
    square = resize_only(64, 64)
    original = TrainingSet(data, HEADER, square, seed=0)[1][0]
    for number in range(8):
        assert torch.allclose(copies[8 + number][0], symmetry(number, original), atol=1e-5)


def test_sampler_visits_everything_in_another_order_each_epoch() -> None:
    sampler = EpochSampler(10, seed=3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) == list(range(10))
    assert sorted(second) == list(range(10, 20))
    assert [ticket - 10 for ticket in second] != first
    assert list(EpochSampler(10, seed=3)) == first


def test_a_share_of_the_visits_goes_to_images_with_a_defect() -> None:
    defective = np.zeros(40, bool)
    defective[[3, 11, 12, 30]] = True
    visits = Visits(defective, 0.5, seed=4)
    first, second = visits.of(0), visits.of(1)
    assert len(first) == len(second) == 40
    for positions in (first, second):
        assert defective[positions].sum() == 20
        assert np.bincount(positions, minlength=40)[defective].tolist() == [5, 5, 5, 5]
        assert np.bincount(positions, minlength=40)[~defective].max() == 1
    assert first.tolist() != second.tolist()
    assert Visits(defective, 0.5, seed=4).of(1).tolist() == second.tolist()  # after resuming
    for same in (np.ones(6, bool), np.zeros(6, bool)):
        assert sorted(Visits(same, 0.3, seed=0).of(0).tolist()) == list(range(6))


def test_training_visits_by_share(toy: Path) -> None:
    data = open_data(toy)
    header = Header(model="ocinet-nano", imgsz=(64, 64), labels=data.labels)
    dataset = TrainingSet(data, header, resize_only(64, 64), seed=1, defect_share=0.9)
    with_defect = [bool(dataset[ticket][1].any()) for ticket in range(len(dataset), 2 * len(dataset))]
    clean = sum(not sample.read()[1].any() for sample in data.samples)
    expected = len(dataset) if not clean else round(0.9 * len(dataset))
    assert sum(with_defect) == expected


def test_class_maps_of_several_classes() -> None:
    mask = np.array([[0, 1], [2, 2]], np.uint8)
    assert class_maps(mask, 2).tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 1]]]


def test_validation_keeps_the_original_size(toy: Path) -> None:
    item = ValidationSet(open_data(toy).binary(), HEADER)[0]
    assert item.inputs.shape == (3, 64, 64)
    assert item.mask.shape == item.image.shape[:2] == (48, 64)
