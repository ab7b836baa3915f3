"""Parity by hand: agreement, IoU against true masks, and the gate of each precision."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from flawscope.data.samples import Sample
from flawscope.errors import DataError, UsageError, WeightsError
from flawscope.export import Parity, Shown, parity
from flawscope.export.shown import compared_images, find_samples, spread
from flawscope.images import Image
from flawscope.segment import Prompts, Segmentation
from flawscope.segment.header import Precision


class Fixed:
    """A segmenter that always answers the same."""

    name = "fixed"
    threshold = 0.5

    def __init__(self, probability: list[float], labels: tuple[str, ...] = ("pit",)) -> None:
        self.probability = np.array([[probability]], dtype=np.float32)
        self.labels = labels

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(self.probability)


class Looked(Fixed):
    """Answers by what it is shown; of each pair of ``answers`` the one at ``place``."""

    def __init__(self, answers: dict[int, tuple[list[float], list[float]]], place: int) -> None:
        super().__init__([0.0] * 4)
        self.answers, self.place = answers, place

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(np.array([[self.answers[int(image.max())][self.place]]], dtype=np.float32))


IMAGE = Shown(np.zeros((1, 4, 3), dtype=np.uint8))


def test_parity_by_hand() -> None:
    found = parity(Fixed([0.1, 0.49, 0.9, 0.6]), Fixed([0.1, 0.51, 0.9, 0.5]), [IMAGE, IMAGE])
    assert (found.images, found.pixels) == (2, 8)
    assert found.max_difference == pytest.approx(0.1)
    assert found.mean_difference == pytest.approx(0.12 / 4)
    assert (found.equal_labels, found.found) == (0.5, 0.5)
    assert (found.labelled, found.iou_drop) == (0, None)
    assert (found.decided, found.equal_decided) == (0.75, pytest.approx(2 / 3))
    with pytest.raises(WeightsError, match=r"a\.onnx: only 50\.000% of the pixels keep their label"):
        found.require("a.onnx")


def test_parity_needs_images_and_equal_labels() -> None:
    with pytest.raises(WeightsError, match="no image to compare on"):
        parity(Fixed([0.0]), Fixed([0.0]), [])
    with pytest.raises(WeightsError, match="knows"):
        parity(Fixed([0.0]), Fixed([0.0], ("other",)), [IMAGE])
    Parity(images=1, pixels=1000, max_difference=0.0, mean_difference=0.0, equal_labels=0.999).require("a")


def test_iou_of_both_against_the_truth() -> None:
    """Source right on 2 of 3 true pixels and exported on 1: IoU 2/3 and 1/3; on the clean image 1 and 0."""
    image = IMAGE.image
    shown = [Shown(image, np.array([[1, 1, 1, 0]], dtype=np.uint8)), Shown(image)]
    found = parity(Fixed([0.9, 0.9, 0.1, 0.1]), Fixed([0.9, 0.1, 0.1, 0.1]), shown)
    assert (found.labelled, found.iou_source, found.iou_exported) == (
        1,
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
    )
    assert found.iou_drop == pytest.approx(100 / 3)
    assert (found.defective, found.clean, found.clean_changed) == (1, 0, None)
    assert (found.recall, found.found, found.found_exported) == (pytest.approx(2 / 3), 0.5, 0.25)


CLEAN = Shown(IMAGE.image, np.zeros((1, 4), dtype=np.uint8))
DEFECTIVE = Shown(IMAGE.image + np.uint8(1), np.array([[1, 1, 0, 0]], dtype=np.uint8))


def test_clean_images_do_not_soften_a_loss() -> None:
    """One image in three holds a defect, met wholly before (IoU 1) and by half after; clean ones are none of it."""
    answers = {1: ([0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1]), 0: ([0.1] * 4, [0.1] * 4)}
    found = parity(Looked(answers, 0), Looked(answers, 1), [CLEAN, DEFECTIVE, CLEAN])
    assert (found.labelled, found.defective, found.clean, found.clean_changed) == (3, 1, 2, 0.0)
    assert (found.iou_source, found.iou_exported, found.iou_drop) == (1.0, 0.5, 50.0)
    assert (found.recall, found.worst_labels) == (1.0, 0.75)
    told = replace(found, equal_decided=1.0).complaint("int8")
    assert told is not None
    assert "falls by 50.00 points, from 1.0000 to 0.5000 on 1 images with defects" in told
    assert found.to_json()["clean"] == 2


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_clean_images_alone_do_not_pass_a_network_that_turned_round(precision: Precision) -> None:
    """Everything a defect before and nothing after: without a defect there is no IoU, and labels decide."""
    found = parity(Fixed([0.9] * 4), Fixed([0.1] * 4), [CLEAN, CLEAN])
    assert (found.labelled, found.defective, found.iou_source, found.iou_drop) == (2, 0, None, None)
    assert (found.clean_changed, found.found, found.found_exported) == (1.0, 1.0, 0.0)
    assert "only 0.000% of the" in (found.complaint(precision) or "")
    same = parity(Fixed([0.1] * 4), Fixed([0.1] * 4), [CLEAN, CLEAN])
    assert (same.complaint(precision), same.clean_changed, same.iou_tells) == (None, 0.0, False)


def test_a_network_that_finds_nothing_is_held_to_its_labels() -> None:
    """IoU 0 before and 0 after loses nothing, though the whole background turned."""
    blind, wild = Fixed([0.1] * 4), Fixed([0.1, 0.1, 0.9, 0.9])
    found = parity(blind, wild, [DEFECTIVE, DEFECTIVE])
    assert (found.recall, found.iou_drop, found.iou_tells) == (0.0, 0.0, False)
    assert "only 50.000% of the decided pixels" in (found.complaint("int8") or "")


def test_the_image_that_changes_most() -> None:
    answers = {1: ([0.9] * 4, [0.1, 0.9, 0.9, 0.9]), 0: ([0.1] * 4, [0.1] * 4)}
    found = parity(Looked(answers, 0), Looked(answers, 1), [CLEAN, DEFECTIVE, CLEAN])
    assert (found.equal_labels, found.worst_labels) == (11 / 12, 0.75)
    assert found.summary() == {
        "images": 3,
        "defective": 1,
        "equal_labels": 0.916667,
        "worst_labels": 0.75,
        "equal_decided": 0.916667,
        "iou_source": 0.5,
        "iou_exported": 0.25,
    }


def agreement(equal: float, drop: float | None = None) -> Parity:
    """Found on 1000 pixels; ``drop`` in points from an IoU of 0.8."""
    masks = {"labelled": 2, "defective": 2, "recall": 0.9, "iou_source": 0.8}
    masks = {} if drop is None else masks | {"iou_exported": 0.8 - drop / 100}
    return Parity(2, 1000, 0.1, 0.01, equal, 0.3, **masks)


def undecided(decided: float, equal_decided: float, recall: float | None = None) -> Parity:
    """Every tenth label changes; with ``recall`` two images hold defects, whose IoU of 0.8 stays."""
    masks = {} if recall is None else {"labelled": 2, "defective": 2, "iou_source": 0.8, "iou_exported": 0.8}
    return Parity(2, 1000, 0.1, 0.01, 0.9, 0.3, decided, equal_decided, recall=recall, **masks)


@pytest.mark.parametrize(
    ("precision", "found", "complaint"),
    [
        ("fp32", agreement(0.999), None),
        ("fp32", agreement(0.9989), "only 99.890% of the pixels"),
        ("fp32", agreement(0.9989, 0.0), "only 99.890% of the pixels"),
        ("fp32", agreement(1.0, 0.3), "in fp32 the IoU falls by 0.30 points"),
        ("fp32", undecided(0.9, 1.0), "only 90.000% of the pixels"),
        ("bf16", undecided(0.5, 0.996), None),
        ("bf16", undecided(0.5, 0.994), "only 99.400% of the decided pixels"),
        ("int8", undecided(0.49, 1.0), "only 90.000% of the pixels"),
        ("bf16", undecided(0.9, 0.994, 0.9), "only 99.400% of the decided pixels"),
        ("int8", undecided(0.9, 0.989, 0.9), "only 98.900% of the decided pixels"),
        ("int8", undecided(0.3, 0.989, 0.9), "only 98.900% of the decided pixels"),
        ("int8", undecided(0.3, 1.0, 0.1), None),
        ("int8", undecided(0.3, 1.0, 0.09), "only 90.000% of the pixels"),
        ("bf16", agreement(0.9951), None),
        ("bf16", agreement(0.994), r"99\.5% are required"),
        ("bf16", agreement(0.9, 0.19), None),
        (
            "bf16",
            agreement(1.0, 0.21),
            r"from 0\.8000 to 0\.7979 on 2 images with defects \(at most 0\.2 are allowed\)",
        ),
        ("int8", agreement(0.9901), None),
        ("int8", agreement(0.98), r"99\.0% are required"),
        ("int8", agreement(0.9, 0.49), None),
        ("int8", agreement(0.9, -3.0), None),
        ("int8", agreement(1.0, 0.51), "in int8 the IoU falls by 0.51 points"),
    ],
)
def test_gates(precision: str, found: Parity, complaint: str | None) -> None:
    told = found.complaint(precision)
    assert told is None if complaint is None else re.search(complaint, told or "")


def test_images_are_spread_and_the_rest_is_left() -> None:
    samples = [Sample(name=str(number), image=Path(f"{number}.png")) for number in range(7)]
    chosen, rest = spread(samples, 3)
    assert [sample.name for sample in chosen] == ["0", "2", "4"]
    assert [sample.name for sample in rest] == ["1", "3", "5", "6"]
    assert spread(samples, 20) == (samples, [])


def test_a_dataset_brings_its_masks_and_a_folder_has_none(tmp_path: Path) -> None:
    for folder, value in (("images", 80), ("masks", 255)):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            PillowImage.fromarray(np.full((4, 6), value, np.uint8)).save(tmp_path / folder / f"{name}.png")
    first = next(compared_images(tmp_path, 1))
    assert first.truth is not None
    assert (first.image.shape, int(first.truth.sum())) == ((4, 6, 3), 24)
    plain = list(compared_images(tmp_path / "images", 5))
    assert [shown.truth for shown in plain] == [None, None]
    with pytest.raises(UsageError, match="a folder of images has no splits"):
        find_samples(tmp_path / "images", split="test")
    with pytest.raises(DataError, match="no split named 'test'"):
        find_samples(tmp_path, split="test")
