"""Every folder layout on a miniature of the true thing, with the masks it must give."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from flawscope.data.layouts import LAYOUTS, recognise
from flawscope.data.samples import open_data
from flawscope.errors import DataError, ImageError

SPOT = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]], dtype=np.uint8)
"""The defect of every miniature: 3 rows, 4 columns."""


def put(path: Path, array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"quality": 95} if path.suffix == ".jpg" else {}
    Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path, **options)
    return path


def image(path: Path) -> Path:
    return put(path, np.full((3, 4), 90))


def by_name(data):
    return {sample.name: sample for sample in data}


def mask_of(sample):
    return sample.read()[1].tolist()


def test_plain(tmp_path):
    for name in ("a", "b", "c"):
        image(tmp_path / "images" / f"{name}.jpg")
    put(tmp_path / "masks" / "a.png", SPOT * 255)
    put(tmp_path / "masks" / "b_mask.png", SPOT * 0)
    put(tmp_path / "masks" / "ghost.png", SPOT)
    data = open_data(tmp_path)
    assert (data.layout, data.labels, data.name) == ("plain", ("defect",), tmp_path.name)
    samples = by_name(data)
    assert list(samples) == ["images/a", "images/b", "images/c"]
    assert mask_of(samples["images/a"]) == SPOT.tolist()
    assert mask_of(samples["images/b"]) == (SPOT * 0).tolist()
    assert samples["images/c"].truth is None
    assert [str(problem) for problem in data.problems] == [
        f"{tmp_path / 'masks' / 'ghost.png'}: a mask without an image"
    ]
    with pytest.raises(DataError, match="has no mask"):
        samples["images/c"].read()


@pytest.mark.parametrize(
    ("scale", "expected"), [(255, SPOT), (1, SPOT), (2, SPOT * 2)], ids=["0/255", "0/1", "class 2"]
)
def test_plain_finds_what_mask_values_mean(tmp_path, scale, expected):
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "masks" / "a.png", SPOT * scale)
    data = open_data(tmp_path)
    assert mask_of(data.samples[0]) == expected.tolist()
    assert data.labels == (("class1", "class2") if scale == 2 else ("defect",))


def test_plain_jpeg_masks_are_cut_at_127_whatever_the_fringe(tmp_path):
    shape = np.zeros((24, 24), dtype=np.uint8)
    shape[6:17, 9:15] = 255
    put(tmp_path / "images" / "a.png", shape)
    path = put(tmp_path / "masks" / "a.jpg", shape)
    stored = np.asarray(Image.open(path))
    assert len(np.unique(stored)) > 2, "the fringe this test is about"
    np.testing.assert_array_equal(open_data(tmp_path).samples[0].read()[1], shape // 255)


def test_plain_refuses_values_that_could_mean_anything(tmp_path):
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "masks" / "a.png", SPOT * 100)
    with pytest.raises(DataError, match=r"mask values \[0, 100\] could be classes or shades.*dataset.yaml"):
        open_data(tmp_path)


def test_plain_finds_a_rare_class_in_the_last_of_many_masks(tmp_path):
    for number in range(120):
        image(tmp_path / "images" / f"{number:03}.png")
        put(tmp_path / "masks" / f"{number:03}.png", SPOT * (3 if number == 119 else 1))
    assert open_data(tmp_path).labels == ("class1", "class2", "class3")


@pytest.mark.parametrize("inner", [True, False], ids=["images/train", "train/images"])
def test_plain_splits(tmp_path, inner):
    for folder, name in (("training", "a"), ("valid", "b"), ("test", "a")):
        middle = Path("images", folder) if inner else Path(folder, "images")
        image(tmp_path / middle / f"{name}.png")
        masks = Path("masks", folder) if inner else Path(folder, "masks")
        put(tmp_path / masks / f"{name}.png", SPOT * 255)
    data = open_data(tmp_path)
    assert sorted((sample.split, sample.image.stem) for sample in data) == [
        ("test", "a"), ("train", "a"), ("val", "b"),
    ]  # fmt: skip
    assert len({sample.name for sample in data}) == 3
    assert len(data.split("train")) == 1
    assert not data.problems


def test_plain_other_subfolders_are_kinds(tmp_path):
    image(tmp_path / "images" / "scratches" / "1.png")
    put(tmp_path / "masks" / "scratches" / "1.png", SPOT * 255)
    assert open_data(tmp_path).samples[0].kind == "scratches"


def test_images_that_differ_in_suffix_alone_keep_different_names(tmp_path):
    image(tmp_path / "images" / "a.png")
    image(tmp_path / "images" / "a.bmp")
    put(tmp_path / "masks" / "a.png", SPOT * 255)
    assert [sample.name for sample in open_data(tmp_path)] == ["images/a.bmp", "images/a.png"]


def test_hidden_files_of_other_systems_are_passed_over(tmp_path):
    image(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "._a.png").write_bytes(b"junk")
    (tmp_path / "masks").mkdir()
    assert len(open_data(tmp_path)) == 1


def test_a_mask_of_another_size_is_named(tmp_path):
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "masks" / "a.png", np.zeros((5, 5)))
    with pytest.raises(DataError, match=r"masks.a\.png: the mask is 5x5 pixels and its image 4x3"):
        open_data(tmp_path).samples[0].read()


def test_a_broken_mask_is_named_when_it_is_read_and_does_not_stop_the_others(tmp_path):
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png")
        put(tmp_path / "masks" / f"{name}.png", SPOT)
    (tmp_path / "masks" / "a.png").write_bytes(b"")
    broken, whole = open_data(tmp_path).samples
    assert mask_of(whole) == SPOT.tolist()
    with pytest.raises(ImageError, match=r"masks.a\.png"):
        broken.read()


def test_nrsd_mn_jpeg_masks_and_subsets(tmp_path):
    shape = np.zeros((24, 24), dtype=np.uint8)
    shape[6:17, 9:15] = 255
    for split, inside in (("training", ""), ("validation", ""), ("test", "natural/"), ("test", "man-made/")):
        put(tmp_path / "images" / split / f"{inside}r1.png", shape)
        put(tmp_path / "annotations" / split / f"{inside}r1.jpg", shape)
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("nrsd-mn", ("defect",))
    assert [(s.split, s.subset) for s in data] == [
        ("test", "man-made"), ("test", "natural"), ("train", None), ("val", None),
    ]  # fmt: skip
    for sample in data:
        np.testing.assert_array_equal(sample.read()[1], shape // 255)


def test_nrsd_mn_is_recognised_with_subset_folders_in_every_split(tmp_path):
    for inside in ("training/man-made", "training/natural", "test/natural", "test/man-made"):
        image(tmp_path / "images" / inside / "r1.png")
        put(tmp_path / "annotations" / inside / "r1.jpg", SPOT * 0)
    data = open_data(tmp_path)
    assert data.layout == "nrsd-mn"
    assert [(s.split, s.subset) for s in data] == [
        ("test", "man-made"), ("test", "natural"), ("train", "man-made"), ("train", "natural"),
    ]  # fmt: skip


def test_neu_seg_label_values(tmp_path):
    values = np.array([[0, 1, 1, 0], [2, 0, 0, 3], [2, 0, 0, 3]], dtype=np.uint8)
    for split in ("training", "test"):
        image(tmp_path / "images" / split / "000001.jpg")
        put(tmp_path / "annotations" / split / "000001.png", values)
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("neu-seg", ("inclusion", "patches", "scratches"))
    assert [s.split for s in data] == ["test", "train"]
    assert mask_of(data.samples[0]) == values.tolist()
    assert mask_of(data.binary().samples[0]) == (values > 0).astype(int).tolist()


def test_neu_seg_unknown_value_is_an_error(tmp_path):
    image(tmp_path / "images" / "training" / "1.jpg")
    put(tmp_path / "annotations" / "training" / "1.png", SPOT * 4)
    with pytest.raises(DataError, match=r"mask values \[4\] have no class"):
        open_data(tmp_path).samples[0].read()


def test_sd_saliency_900(tmp_path):
    for prefix in ("In", "Pa", "Sc"):
        image(tmp_path / "Source Images" / f"{prefix}_1.bmp")
        put(tmp_path / "Ground truth" / f"{prefix}_1.png", SPOT * 255)
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("sd-saliency-900", ("defect",))
    assert [s.kind for s in data] == ["inclusion", "patches", "scratches"]
    assert mask_of(data.samples[2]) == SPOT.tolist()


def test_magnetic_tile(tmp_path):
    image(tmp_path / "MT_Crack" / "Imgs" / "exp1_num_1.jpg")
    put(tmp_path / "MT_Crack" / "Imgs" / "exp1_num_1.png", SPOT * 255)
    image(tmp_path / "MT_Crack" / "Imgs" / "exp1_num_2.jpg")
    put(tmp_path / "MT_Crack" / "Imgs" / "exp1_num_3.png", SPOT * 255)
    image(tmp_path / "MT_Free" / "Imgs" / "exp1_num_4.jpg")
    data = open_data(tmp_path)
    assert data.layout == "magnetic-tile"
    samples = by_name(data)
    assert mask_of(samples["MT_Crack/Imgs/exp1_num_1"]) == SPOT.tolist()
    assert samples["MT_Crack/Imgs/exp1_num_2"].truth is None
    assert mask_of(samples["MT_Free/Imgs/exp1_num_4"]) == (SPOT * 0).tolist()
    assert [s.kind for s in data] == ["crack", "crack", "free"]
    assert [problem.path.name for problem in data.problems] == ["exp1_num_3.png"]


def test_crackforest(tmp_path):
    for stem in ("001", "002"):
        image(tmp_path / "image" / f"{stem}.jpg")
    (tmp_path / "groundTruth").mkdir()
    truth = {"Segmentation": (SPOT + 1).astype(np.uint16), "Boundaries": SPOT}
    savemat(tmp_path / "groundTruth" / "001.mat", {"groundTruth": truth})
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("crackforest", ("crack",))
    assert mask_of(data.samples[0]) == SPOT.tolist()
    assert data.samples[1].truth is None


def test_crackforest_damaged_mat(tmp_path):
    image(tmp_path / "image" / "001.jpg")
    (tmp_path / "groundTruth").mkdir()
    (tmp_path / "groundTruth" / "001.mat").write_bytes(b"MATLAB 5.0 nothing" * 20)
    with pytest.raises(DataError, match=r"001\.mat: not a MATLAB file with groundTruth"):
        open_data(tmp_path).samples[0].read()


def test_fssd_12(tmp_path):
    for kind in ("Am", "Se"):
        image(tmp_path / f"Steel_{kind}" / "Images" / f"Steel_{kind}_1.jpg")
        put(tmp_path / f"Steel_{kind}" / "GT" / f"Steel_{kind}_1.png", SPOT * 255)
    data = open_data(tmp_path)
    assert (data.layout, [s.kind for s in data]) == ("fssd-12", ["Am", "Se"])
    assert mask_of(data.samples[0]) == SPOT.tolist()


def test_surface_defect_4i(tmp_path):
    for kind in ("leather", "Steel_Pa"):
        image(tmp_path / kind / "Images" / "1.jpg")
        put(tmp_path / kind / "GT" / "1.png", SPOT * 255)
    image(tmp_path / "leather" / "Nd" / "9.jpg")
    data = open_data(tmp_path)
    assert data.layout == "surface-defect-4i"
    assert [(s.kind, int(s.read()[1].sum())) for s in data] == [
        ("Steel_Pa", 3),
        ("leather", 3),
        ("normal", 0),
    ]


def test_mvtec_ad_one_category_and_all(tmp_path):
    bottle = tmp_path / "all" / "bottle"
    image(bottle / "train" / "good" / "000.png")
    image(bottle / "test" / "good" / "000.png")
    image(bottle / "test" / "broken" / "000.png")
    image(bottle / "test" / "broken" / "001.png")
    put(bottle / "ground_truth" / "broken" / "000_mask.png", SPOT * 255)
    one = open_data(bottle)
    assert (one.layout, one.labels) == ("mvtec-ad", ("defect",))
    told = {
        s.name: (s.split, s.kind, s.subset, None if s.truth is None else int(s.read()[1].sum())) for s in one
    }
    assert told == {
        "train/good/000": ("train", "good", None, 0),
        "test/good/000": ("test", "good", None, 0),
        "test/broken/000": ("test", "broken", None, 3),
        "test/broken/001": ("test", "broken", None, None),
    }
    whole = open_data(tmp_path / "all")
    assert {s.subset for s in whole} == {"bottle"}
    assert len(whole) == 4


def test_every_layout_says_what_it_is():
    for name, layout in LAYOUTS.items():
        assert layout.description, name
        assert layout.values, name
        assert layout.source, name
    assert len(LAYOUTS) == 13


def test_nothing_known_names_the_layouts(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DataError, match=r"not a dataset in any known layout.*plain.*mvtec-ad.*data list"):
        open_data(tmp_path)


def test_two_layouts_at_once_is_refused_with_what_was_seen(tmp_path):
    image(tmp_path / "images" / "a.png")
    put(tmp_path / "masks" / "a.png", SPOT)
    image(tmp_path / "MT_Crack" / "Imgs" / "1.jpg")
    assert set(recognise(tmp_path)) == {"plain", "magnetic-tile"}
    with pytest.raises(DataError, match=r"several layouts.*images/ and masks/.*MT_Crack"):
        open_data(tmp_path)
    assert open_data(tmp_path, layout="plain").layout == "plain"


def test_unknown_layout_name_and_missing_path(tmp_path):
    with pytest.raises(DataError, match="no layout named 'voc'"):
        open_data(tmp_path, layout="voc")
    with pytest.raises(DataError, match="no such file or folder"):
        open_data(tmp_path / "gone")


def test_a_layout_by_name_without_images_says_so(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match="no images found for the layout 'plain'"):
        open_data(tmp_path, layout="plain")
