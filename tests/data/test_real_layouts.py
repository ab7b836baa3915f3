"""The readers on the public datasets themselves, where they are."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from flawscope.data.converting import convert
from flawscope.data.fewshot import read_manifest
from flawscope.data.samples import open_data


def test_sd_saliency_900(data_root):
    data = open_data(data_root / "sd-saliency-900")
    assert (data.layout, data.labels, len(data), data.problems) == ("sd-saliency-900", ("defect",), 900, ())
    assert Counter(s.kind for s in data) == {"inclusion": 300, "patches": 300, "scratches": 300}
    image, mask = data.samples[0].read()
    assert (image.shape, image.dtype, mask.shape) == ((200, 200, 3), np.uint8, (200, 200))
    assert data.samples[0].name == "Source Images/In_1"
    assert int(mask.sum()) == 731


def test_sd_saliency_900_split(data_root):
    data = open_data(data_root / "sd-saliency-900", splits=data_root / "splits" / "sd-saliency-900.json")
    assert Counter((s.split, s.kind) for s in data) == {
        (split, kind): count
        for split, count in (("train", 162), ("val", 18), ("test", 120))
        for kind in ("inclusion", "patches", "scratches")
    }
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [486, 54, 360]


def test_neu_seg(data_root):
    data = open_data(data_root / "neu-seg")
    assert (data.layout, data.labels) == ("neu-seg", ("inclusion", "patches", "scratches"))
    assert Counter(s.split for s in data) == {"train": 3630, "test": 840}
    seen = {int(value) for sample in data.samples[::50] for value in np.unique(sample.read()[1])}
    assert seen == {0, 1, 2, 3}
    assert not data.problems


def test_magnetic_tile(data_root):
    data = open_data(data_root / "magnetic-tile")
    assert Counter(s.kind for s in data) == {
        "free": 771, "blowhole": 91, "uneven": 85, "break": 68, "crack": 46, "fray": 26,
    }  # fmt: skip
    assert not data.problems
    free = [s for s in data if s.kind == "free"]
    assert not any(sample.read()[1].any() for sample in free[::40])


def test_magnetic_tile_split_keeps_tiles_together(data_root):
    data = open_data(data_root / "magnetic-tile", splits=data_root / "splits" / "magnetic-tile.json")
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [595, 160, 332]
    assert all(sample.group for sample in data)
    assert not data.problems


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_few_shot_manifests(data_root, seed):
    manifest = read_manifest(data_root / "splits" / f"fewshot8-seed{seed}.json")
    assert [one.name for one in manifest.classes] == [
        "steel-inclusion", "steel-patches", "steel-scratches", "tile-blowhole",
        "tile-break", "tile-crack", "tile-fray", "tile-uneven",
    ]  # fmt: skip
    assert [len(one.query) for one in manifest.classes] == [45, 45, 45, 28, 22, 15, 11, 24]
    assert all(len(one.support) == 5 for one in manifest.classes)
    for one in manifest.shots(1).classes:
        assert len(one.support) == 1
        assert one.support[0].read()[1].any()


@pytest.mark.parametrize("form", ["plain", "coco"])
@pytest.mark.parametrize(("name", "step"), [("neu-seg", 90), ("magnetic-tile", 40)])
def test_conversion_changes_no_pixel(data_root, tmp_path, form, name, step):
    data = open_data(data_root / name)
    data = replace(data, samples=data.samples[::step])
    done = convert(data, form, tmp_path / "out")
    assert (done.images, done.problems) == (len(data), ())
    again = open_data(tmp_path / "out")
    assert again.labels == data.labels
    before = Counter((s.split, s.image.read_bytes(), s.read()[1].tobytes()) for s in data)
    assert Counter((s.split, s.image.read_bytes(), s.read()[1].tobytes()) for s in again) == before
