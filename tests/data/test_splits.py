import json
from pathlib import Path

import pytest
from PIL import Image

from flawscope.data.samples import open_data
from flawscope.data.splits import read_splits, write_splits
from flawscope.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Four images with all-defect masks, in a layout of its own."""
    root = tmp_path / "data"
    for name in ("a", "b", "c", "d"):
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True, exist_ok=True)
            Image.new("L", (3, 2), 255).save(root / part / f"{name}.png")
    return root


def splits(path: Path, **content) -> Path:
    path.write_text(json.dumps(content))
    return path


def entry(name, **extra):
    return {"image": f"images/{name}.png", "mask": f"masks/{name}.png", **extra}


def test_a_split_file_is_read_as_it_is(folder, tmp_path):
    file = splits(
        tmp_path / "s.json",
        note="ours",
        train=[entry("c", **{"class": "crack"}, group="g1"), entry("a")],
        val=[],
        test=[entry("b", group="g2", subset="natural")],
    )
    data = open_data(folder, splits=file)
    assert [(s.name, s.split, s.kind, s.group, s.subset) for s in data] == [
        ("images/c", "train", "crack", "g1", None),
        ("images/a", "train", None, None, None),
        ("images/b", "test", None, "g2", "natural"),
    ]
    assert data.splits == ("train", "test")
    with pytest.raises(DataError, match=r"no split named 'val' \(there are: train, test\)"):
        data.split("val")


def test_another_mask_than_the_layouts_is_taken(folder, tmp_path):
    (folder / "better").mkdir()
    Image.new("L", (3, 2), 0).save(folder / "better" / "a.png")
    file = splits(tmp_path / "s.json", train=[{"image": "images/a.png", "mask": "better/a.png"}])
    assert open_data(folder, splits=file).samples[0].read()[1].sum() == 0


def test_an_unknown_folder_is_read_by_its_split_file_alone(folder, tmp_path):
    (folder / "images").rename(folder / "photos")
    file = splits(tmp_path / "s.json", train=[{"image": "photos/a.png", "mask": "masks/a.png"}])
    data = open_data(folder, splits=file)
    assert (data.labels, data.layout, data.samples[0].name) == (("defect",), "split file", "photos/a")
    assert data.samples[0].read()[1].tolist() == [[1, 1, 1], [1, 1, 1]]
    file = splits(tmp_path / "s.json", train=[{"image": "photos/z.png", "mask": "masks/a.png"}])
    with pytest.raises(DataError, match=r"does not exist: .*photos.z\.png"):
        open_data(folder, splits=file)


def test_a_split_file_opens_alone_when_it_says_where_its_data_is(folder, tmp_path):
    file = splits(tmp_path / "s.json", root="data", train=[entry("a")])
    assert open_data(file).samples[0].split == "train"
    file = splits(tmp_path / "s.json", train=[entry("a")])
    with pytest.raises(DataError, match=r"does not say where its dataset is.*--splits"):
        open_data(file)


def test_a_group_on_both_sides_is_listed(folder, tmp_path):
    file = splits(tmp_path / "s.json", train=[entry("a", group="g")], test=[entry("b", group="g")])
    assert [problem.what for problem in open_data(folder, splits=file).problems] == [
        "group 'g' is in test and train"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": [entry("a")], "test": [entry("a")]}, r"images/a\.png is in train and test"),
        ({"train": [entry("a"), entry("a")]}, r"images/a\.png is twice in train"),
        ({"train": [entry("a"), entry("zz"), entry("yy")]}, r"2 of its images.*first: images/zz\.png"),
        ({"train": [{"image": 7}]}, r"train\[0\]\.image: input should be a valid string"),
        ({"train": [{"mask": "a"}]}, "not a split file"),
        ({"note": "nothing"}, "not a split file"),
        ({"classes": {}, "train": [entry("a")]}, "not a split file"),
    ],
)
def test_mistakes(folder, tmp_path, content, message):
    file = splits(tmp_path / "s.json", **content)
    with pytest.raises(DataError, match=message):
        open_data(folder, splits=file)


def test_what_is_no_json(folder, tmp_path):
    (tmp_path / "s.json").write_text('{"train": [\n}')
    with pytest.raises(DataError, match=r"s\.json: not valid JSON \(line 2"):
        open_data(folder, splits=tmp_path / "s.json")
    with pytest.raises(DataError, match="cannot be read"):
        open_data(folder, splits=tmp_path / "gone.json")


def test_writing_and_reading_gives_the_same(folder, tmp_path):
    file = splits(
        tmp_path / "s.json", train=[entry("a", group="g", **{"class": "pit"})], odd=[entry("b", subset="x")]
    )
    data = open_data(folder, splits=file)
    again = tmp_path / "deep" / "t.json"
    write_splits(again, data, "a note")
    assert read_splits(again).note == "a note"
    for opened in (open_data(folder, splits=again), open_data(again)):
        assert [(s.image.resolve(), s.split, s.kind, s.group, s.subset) for s in opened] == [
            (s.image.resolve(), s.split, s.kind, s.group, s.subset) for s in data
        ]


def test_samples_of_no_split_stay_in_none(folder, tmp_path):
    data = open_data(folder)
    write_splits(tmp_path / "t.json", data)
    assert {s.split for s in open_data(folder, splits=tmp_path / "t.json")} == {None}
