"""Tasks from manifests and from few-shot datasets."""

from pathlib import Path

import numpy as np
import pytest

from flawscope.data.fewshot import FSSD12_FOLDS
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample
from flawscope.errors import DataError, UsageError
from flawscope.fewshot.tasks import Source, read_picture, restrict, tasks_of_dataset
from flawscope.images import write_image


def test_pictures_are_grey_and_small(tmp_path: Path) -> None:
    colour = np.zeros((100, 400, 3), np.uint16)
    colour[:, :, 0] = 65535  # pure red: BT.601 gives 0.299
    mask = np.zeros((100, 400), np.uint8)
    mask[:50, :200] = 255
    image, truth = write_image(tmp_path / "a.png", colour), write_image(tmp_path / "b.png", mask)
    picture = read_picture(Sample("a", image, MaskFile(truth)))
    assert picture.image.shape == (200, 200, 3)
    np.testing.assert_allclose(picture.image, 0.299, atol=1e-6)
    expected = np.zeros((200, 200), bool)
    expected[:100, :100] = True
    np.testing.assert_array_equal(picture.mask, expected)


@pytest.fixture
def fssd(tmp_path: Path) -> Path:
    for kind in (kind for one in FSSD12_FOLDS for kind in one):
        for number in range(4):
            mask = np.zeros((20, 20), np.uint8)
            mask[number : number + 5, 3:9] = 255
            stem = f"Steel_{kind}_{number}"
            write_image(tmp_path / f"Steel_{kind}" / "Images" / f"{stem}.jpg", 255 - mask)
            write_image(tmp_path / f"Steel_{kind}" / "GT" / f"{stem}.png", mask)
    return tmp_path


def test_folds_of_a_published_set_become_tasks(fssd: Path) -> None:
    tasks = tasks_of_dataset(fssd, 1, number=2)
    assert [one.name for one in tasks.classes] == list(FSSD12_FOLDS[1])
    assert [sample.image.name for sample in tasks["Pa"].support] == ["Steel_Pa_0.jpg"]
    assert [sample.image.name for sample in tasks["Pa"].query] == [f"Steel_Pa_{i}.jpg" for i in (1, 2, 3)]
    assert len(tasks_of_dataset(fssd, 1).classes) == 12
    assert Source(fssd, 2, is_data=True).name == f"{fssd.name}-fold2"


def test_drawn_supports_follow_the_seed_and_are_never_queries(fssd: Path) -> None:
    first, again, other = (tasks_of_dataset(fssd, 2, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    for one in first.classes:
        assert not {s.name for s in one.support} & {s.name for s in one.query}
        assert len(one.support) + len(one.query) == 4


def test_too_many_shots_or_no_such_fold(fssd: Path) -> None:
    with pytest.raises(DataError, match="4 labelled images, not more than 4 shots"):
        tasks_of_dataset(fssd, 4)
    with pytest.raises(UsageError, match="no fold 4"):
        tasks_of_dataset(fssd, 1, number=4)


def test_only_some_classes_and_queries(fssd: Path) -> None:
    tasks = restrict(tasks_of_dataset(fssd, 1), ["Sc", "Am"], 2)
    assert [(one.name, len(one.query)) for one in tasks.classes] == [("Sc", 2), ("Am", 2)]
    with pytest.raises(DataError, match="no class 'Zz'"):
        restrict(tasks, ["Zz"], None)
