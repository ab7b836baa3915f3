"""There and back again: nothing may change on the way, not one pixel."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flawscope.data.coco_writing import annotate
from flawscope.data.converting import convert, image_names
from flawscope.data.masks import MaskFile
from flawscope.data.rle import decode
from flawscope.data.samples import Sample, SegmentationData, open_data
from flawscope.errors import DataError, UsageError


@pytest.fixture
def data(tmp_path):
    """Three classes with specks, holes and touching regions; odd sizes; splits, kinds and groups."""
    root = tmp_path / "source"
    (root / "x").mkdir(parents=True)
    random = np.random.default_rng(5)
    samples = []
    told = [("train", "pit", "g1"), ("train", None, None), (None, "crack", None), ("holdout", "pit", "g2")]
    for number, (split, kind, group) in enumerate(told):
        height, width = 13 + number, 17
        mask = random.integers(0, 4, (height, width)).astype(np.uint8)
        mask[4:10, 3:12] = 2
        mask[6:8, 5:8] = 0
        suffix = ".jpg" if number == 1 else ".png"
        image = root / "x" / f"same {number}{suffix}"
        Image.fromarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(image)
        Image.fromarray(mask).save(root / f"m{number}.png")
        truth = MaskFile(root / f"m{number}.png", {n: n for n in range(4)})
        samples.append(Sample(f"x/same {number}", image, truth, kind, split, group))
    unlabelled = root / "x" / "bare.png"
    Image.new("L", (5, 4), 7).save(unlabelled)
    samples.append(Sample("x/bare", unlabelled, None, None, "train"))
    return SegmentationData("source", root, ("pit", "crack", "dent"), tuple(samples), layout="made")


def facts(sample):
    image, mask = sample.read() if sample.truth is not None else (sample.read_image(), None)
    mask = None if mask is None else mask.tolist()
    return sample.split, sample.kind, sample.group, image.tolist(), mask


def by_image(samples):
    return {sample.image.stem: facts(sample) for sample in samples}


def test_plain_round_trip(data, tmp_path):
    done = convert(data, "plain", tmp_path / "out")
    assert (done.images, done.masks, done.problems) == (5, 4, ())
    again = open_data(tmp_path / "out")
    assert (again.name, again.labels, again.layout) == ("source", ("pit", "crack", "dent"), "plain")
    assert by_image(again) == by_image(data)
    stored = np.asarray(Image.open(tmp_path / "out" / "masks" / "pit" / "same 0.png"))
    assert stored.dtype == np.uint8
    assert set(np.unique(stored)) == {0, 1, 2, 3}
    copied = (tmp_path / "out" / "images" / "same 1.jpg").read_bytes()
    assert copied == (tmp_path / "source" / "x" / "same 1.jpg").read_bytes()


def test_coco_round_trip_and_the_unlabelled_is_listed(data, tmp_path):
    done = convert(data, "coco", tmp_path / "out")
    assert (done.images, done.masks) == (4, 4)
    assert [problem.what for problem in done.problems] == [
        "left out: it has no mask, and COCO would call it clean"
    ]
    again = open_data(tmp_path / "out")
    assert (again.labels, again.layout) == (("pit", "crack", "dent"), "coco")
    assert by_image(again) == by_image(data.labelled())


def test_coco_and_plain_after_each_other(data, tmp_path):
    convert(data, "coco", tmp_path / "a")
    convert(open_data(tmp_path / "a"), "plain", tmp_path / "b")
    assert by_image(open_data(tmp_path / "b")) == by_image(data.labelled())


def test_coco_annotations_count_pixels_and_boxes(data, tmp_path):
    convert(data, "coco", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["pit", "crack", "dent"]
    identities = [a["id"] for a in content["annotations"]]
    assert len(identities) == len(set(identities)) > 4
    for annotation in content["annotations"]:
        mask = decode(annotation["segmentation"])
        rows, columns = np.nonzero(mask)
        x, y, width, height = annotation["bbox"]
        assert annotation["area"] == mask.sum()
        assert (x, y) == (columns.min(), rows.min())
        assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_annotations_give_the_mask_back(height, width, random):
    mask = np.array([[random.choice([0, 0, 1, 2]) for _ in range(width)] for _ in range(height)], np.uint8)
    rebuilt = np.zeros_like(mask)
    for annotation in annotate(mask, ("a", "b"), image_id=1, first_id=1):
        rebuilt[decode(annotation["segmentation"]) > 0] = annotation["category_id"]
    np.testing.assert_array_equal(rebuilt, mask)


def test_a_label_called_defect_that_no_image_has_survives(data, tmp_path):
    clean = replace(data, labels=("defect",), samples=data.samples[:1]).where(lambda s: True)
    blank = tmp_path / "blank.png"
    Image.new("L", (17, 13), 0).save(blank)
    clean = replace(clean, samples=(replace(clean.samples[0], truth=MaskFile(blank)),))
    convert(clean, "coco", tmp_path / "out")
    again = open_data(tmp_path / "out")
    assert again.labels == ("defect",)
    assert again.samples[0].read()[1].sum() == 0


def test_a_bad_sample_is_listed_and_the_rest_done(data, tmp_path):
    (tmp_path / "source" / "x" / "same 0.png").write_bytes(b"\x89PNG broken")
    (tmp_path / "source" / "m1.png").unlink()
    done = convert(data, "plain", tmp_path / "out")
    assert done.images == 3
    assert [problem.path.name for problem in done.problems] == ["same 0.png", "same 1.jpg"]
    assert len(open_data(tmp_path / "out")) == 3


def test_nothing_convertible_is_an_error_and_leaves_no_dataset(data, tmp_path):
    broken = replace(data, samples=(replace(data.samples[0], image=tmp_path / "gone.png"),))
    with pytest.raises(DataError, match=r"none of 1 samples could be converted .*no such file"):
        convert(broken, "plain", tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.yaml").exists()


def test_folders_that_hold_something_are_left_alone(data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not empty.*--overwrite"):
        convert(data, "plain", tmp_path / "out")
    assert convert(data, "plain", tmp_path / "out", overwrite=True).images == 5
    with pytest.raises(UsageError, match="is the dataset itself"):
        convert(data, "plain", data.root, overwrite=True)


def names(*pairs):
    return image_names(tuple(Sample(name, None, kind=kind) for name, kind in pairs))


def test_file_names_are_short_where_they_can_be_and_never_equal():
    assert names(("a/one", None), ("b/two", "pit")) == ["one", "pit/two"]
    assert names(("a/x", None), ("b/x", None)) == ["a__x", "b__x"]
    assert names(("a/x", "pit"), ("b/x", "crack")) == ["pit/x", "crack/x"]
    assert names(("a/x", None), ("b/X", None)) == ["a__x", "b__X"]
    assert names(("a/b/x", None), ("a__b/x", None)) == ["a__b__x", "a__b__x_2"]
    assert names(("i/a/x", None), ("i/b/x", None), ("i/y", None)) == ["a__x", "b__x", "y"]
    assert names(("v1.5", None)) == ["v1.5"]


def test_a_kind_cannot_lead_out_of_the_folder():
    assert names(("x", "../../etc")) == ["_etc/x"]
    assert names(("x", "rail/crack: big")) == ["rail_crack_ big/x"]
