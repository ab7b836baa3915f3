from pathlib import Path

import pytest

from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import UsageError
from flawscope.study.few import few_of


class Labelled:
    path = None

    def read(self, height: int, width: int) -> None:
        raise AssertionError


def data() -> SegmentationData:
    """Ten pieces with three images each, of two kinds, to train on; two images to validate and two to test."""
    samples = [
        Sample(
            f"a{piece}_{number}",
            Path("x.png"),
            Labelled(),
            kind="pit" if piece < 3 else "scratch",
            split="train",
            group=f"p{piece}",
        )
        for piece in range(10)
        for number in range(3)
    ]
    samples += [
        Sample(f"{split}{number}", Path("x.png"), Labelled(), split=split)
        for split in ("val", "test")
        for number in range(2)
    ]
    return SegmentationData("d", Path("d"), ("defect",), tuple(samples))


def names(images: int, seed: int = 0) -> list[str]:
    return [sample.name for sample in few_of(data(), images, seed).split("train")]


def test_every_kind_and_new_pieces_first() -> None:
    few = few_of(data(), 6, 0)
    assert few.splits == ("train", "test")
    chosen = few.split("train").samples
    assert [sample.kind for sample in chosen].count("pit") == 3
    assert len({sample.group for sample in chosen}) == 6


def test_more_images_of_one_seed_contain_fewer() -> None:
    assert set(names(4)) < set(names(9)) < set(names(25))
    assert names(6, 0) != names(6, 1)
    assert names(6, 1) == names(6, 1)
    assert len(names(30)) == 30
    with pytest.raises(UsageError, match="31 training images were asked for, and there are 30"):
        names(31)
