from pathlib import Path

import pytest

from flawscope.data.masks import Clean
from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.train.holdout import train_and_validation


def dataset(samples: list[Sample]) -> SegmentationData:
    return SegmentationData("x", Path("x"), ("defect",), tuple(samples))


def sample(name: str, **known: str) -> Sample:
    return Sample(name, Path(name), Clean(), **known)


def test_given_splits_are_used() -> None:
    data = dataset([sample("a", split="train"), sample("b", split="val"), sample("c", split="test")])
    training, validation = train_and_validation(data, validate=True, seed=0)
    assert [s.name for s in training] == ["a"]
    assert validation is not None
    assert [s.name for s in validation] == ["b"]


def test_a_tenth_is_held_out_by_group_and_kind() -> None:
    data = dataset(
        [sample(f"p{n}", kind="pit", group=f"g{n // 4}") for n in range(80)]
        + [sample(f"s{n}", kind="scratch") for n in range(20)]
    )
    training, validation = train_and_validation(data, validate=True, seed=1)
    assert validation is not None
    assert not {s.group for s in training if s.group} & {s.group for s in validation if s.group}
    kinds = [s.kind for s in validation]
    assert kinds.count("pit") == 8
    assert kinds.count("scratch") == 2
    again = train_and_validation(data, validate=True, seed=1)[1]
    assert again == validation


def test_test_images_never_train() -> None:
    data = dataset([sample("a", split="train"), sample("b", split="train"), sample("c", split="test")])
    training, validation = train_and_validation(data, validate=True, seed=0)
    assert validation is not None
    assert {s.name for s in (*training, *validation)} == {"a", "b"}


def test_too_little_data_is_said() -> None:
    with pytest.raises(DataError, match="too few"):
        train_and_validation(dataset([sample("a")]), validate=True, seed=0)
    with pytest.raises(DataError, match="no split named"):
        train_and_validation(dataset([sample("a", split="test")]), validate=False, seed=0)
