"""Parity by hand: agreement, IoU against true masks, and the gate of each precision."""

from __future__ import annotations

import re
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


class Fixed:
    """A segmenter that always answers the same."""

    name = "fixed"
    threshold = 0.5

    def __init__(self, probability: list[float], labels: tuple[str, ...] = ("pit",)) -> None:
        self.probability = np.array([[probability]], dtype=np.float32)
        self.labels = labels

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        return Segmentation(self.probability)


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
    clean = Shown(image, np.zeros((1, 4), dtype=np.uint8))
    found = parity(Fixed([0.1] * 4), Fixed([0.9, 0.1, 0.1, 0.1]), [clean])
    assert (found.iou_source, found.iou_exported, found.equal_labels) == (1.0, 0.0, 0.75)


def agreement(equal: float, drop: float | None = None) -> Parity:
    """Found on 1000 pixels; ``drop`` in points from an IoU of 0.8."""
    masks = {} if drop is None else {"labelled": 2, "iou_source": 0.8, "iou_exported": 0.8 - drop / 100}
    return Parity(2, 1000, 0.1, 0.01, equal, 0.3, **masks)


def undecided(decided: float, equal_decided: float) -> Parity:
    """Every tenth label changes."""
    return Parity(2, 1000, 0.1, 0.01, 0.9, 0.3, decided, equal_decided)


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
        ("bf16", agreement(0.9951), None),
        ("bf16", agreement(0.994), r"99\.5% are required"),
        ("bf16", agreement(0.9, 0.19), None),
        ("bf16", agreement(1.0, 0.21), r"from 0\.8000 to 0\.7979 on 2 images \(at most 0\.2 are allowed\)"),
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
