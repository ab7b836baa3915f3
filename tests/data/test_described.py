"""dataset.yaml: one dataset described, several joined, and mistakes named with their line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flawscope.data.check import check
from flawscope.data.converting import convert
from flawscope.data.described import kinds_as_labels
from flawscope.data.samples import open_data
from flawscope.errors import DataError

VALUES = np.array([[0, 10, 10], [20, 30, 0]], dtype=np.uint8)


def plain(root: Path, values=VALUES, names=("a",), masked=True) -> None:
    for name in names:
        for folder in ("images", "masks"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 2), 90).save(root / "images" / f"{name}.png")
        if masked:
            Image.fromarray(np.asarray(values, dtype=np.uint8)).save(root / "masks" / f"{name}.png")


def write(root: Path, text: str) -> Path:
    path = root / "dataset.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mask_of(sample):
    return sample.read()[1].tolist()


def test_mask_values_name_classes_and_background(tmp_path):
    plain(tmp_path)
    write(tmp_path, "name: mine\nmask_values: {10: scratch, 20: pit, 30: background}\n")
    data = open_data(tmp_path)
    assert (data.name, data.labels) == ("mine", ("scratch", "pit"))
    assert mask_of(data.samples[0]) == [[0, 1, 1], [2, 0, 0]]


def test_two_values_can_be_one_class(tmp_path):
    plain(tmp_path)
    write(tmp_path, "mask_values: {10: scratch, 20: scratch, 30: pit}\n")
    data = open_data(tmp_path)
    assert data.labels == ("scratch", "pit")
    assert mask_of(data.samples[0]) == [[0, 1, 1], [1, 2, 0]]


def test_threshold(tmp_path):
    plain(tmp_path)
    write(tmp_path, "threshold: 15\n")
    data = open_data(tmp_path)
    assert data.labels == ("defect",)
    assert mask_of(data.samples[0]) == [[0, 0, 0], [1, 1, 0]]


def test_labels_rename_classes(tmp_path):
    plain(tmp_path, VALUES // 10)
    path = write(tmp_path, "labels: [scratch, pit, dent]\n")
    assert open_data(path).labels == ("scratch", "pit", "dent")
    write(tmp_path, "labels: [scratch]\n")
    with pytest.raises(DataError, match=r"labels: 1 names for 3 classes \(class1, class2, class3\)"):
        open_data(path)


def test_binary_merges(tmp_path):
    plain(tmp_path, VALUES // 10)
    write(tmp_path, "binary: true\n")
    data = open_data(tmp_path)
    assert data.labels == ("defect",)
    assert mask_of(data.samples[0]) == [[0, 1, 1], [1, 1, 0]]


def test_unlabelled_can_be_called_clean(tmp_path):
    plain(tmp_path, masked=False)
    write(tmp_path, "unlabelled: clean\n")
    assert mask_of(open_data(tmp_path).samples[0]) == [[0, 0, 0], [0, 0, 0]]


def test_kinds_as_labels(tmp_path):
    for kind, value in (("Crack", 255), ("Fray", 255), ("Free", 0)):
        folder = tmp_path / f"MT_{kind}" / "Imgs"
        folder.mkdir(parents=True)
        Image.new("L", (2, 1), 90).save(folder / "1.jpg")
        Image.fromarray(np.array([[0, value]], dtype=np.uint8)).save(folder / "1.png")
    write(tmp_path, "labels: kinds\n")
    data = open_data(tmp_path)
    assert data.labels == ("crack", "fray")
    assert [mask_of(sample) for sample in data] == [[[0, 1]], [[0, 2]], [[0, 0]]]
    plain(tmp_path / "plain", VALUES // 10)
    with pytest.raises(DataError, match="there are 0 kinds"):
        kinds_as_labels(open_data(tmp_path / "plain"))


def test_parts_are_joined_by_label_with_unique_names(tmp_path):
    plain(tmp_path / "one", VALUES // 10)
    plain(tmp_path / "two", VALUES // 10)
    write(
        tmp_path,
        """
name: both
parts:
  - {name: first, path: one, labels: [scratch, pit, dent], subset: old}
  - {name: second, path: two, mask_values: {1: pit, 2: scratch, 3: crack}}
""",
    )
    data = open_data(tmp_path)
    assert (data.name, data.labels) == ("both", ("scratch", "pit", "dent", "crack"))
    assert [sample.name for sample in data] == ["first/images/a", "second/images/a"]
    assert [sample.subset for sample in data] == ["old", None]
    assert mask_of(data.samples[0]) == [[0, 1, 1], [2, 3, 0]]
    assert mask_of(data.samples[1]) == [[0, 2, 2], [1, 4, 0]]
    assert mask_of(data.binary().samples[1]) == [[0, 1, 1], [1, 1, 0]]


def test_joined_parts_keep_their_splits_and_groups_apart(tmp_path):
    for name in ("one", "two"):
        plain(tmp_path / name, VALUES // 10)
        entry = '{"image": "images/a.png", "mask": "masks/a.png", "group": "g0"}'
        (tmp_path / f"{name}.json").write_text(f'{{"{"train" if name == "one" else "test"}": [{entry}]}}')
    path = write(
        tmp_path,
        "binary: true\nparts:\n- {path: one, splits: one.json}\n- {path: two, splits: two.json}\n",
    )
    data = open_data(path)
    assert [(s.split, s.group) for s in data] == [("train", "one/g0"), ("test", "two/g0")]
    assert data.labels == ("defect",)
    assert not data.problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nlayuot: plain\n", r"line 2: 'layuot' is not a known key.*layout"),
        ("name: a\n\nthreshold: high\n", r"line 3: 'threshold' input should be a valid integer"),
        ("parts:\n- path: one\n- paht: two\n", r"line 3: 'parts.1.paht' is not a known key"),
        ("mask_values:\n  1: crack\n  two: pit\n", r"line 3: 'mask_values.two"),
        ("name: [\n", r"not valid YAML \(line 2\)"),
        ("just words\n", "list of 'key: value' lines"),
        ("path: gone\n", "path: gone does not exist"),
        ("layout: voc\n", "no layout named 'voc'"),
        ("labels: [a\n", "not valid YAML"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, message):
    plain(tmp_path)
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message):
        open_data(path)


def test_two_parts_of_one_name(tmp_path):
    plain(tmp_path / "x" / "same", VALUES // 10)
    plain(tmp_path / "y" / "same", VALUES // 10)
    path = write(tmp_path, "parts:\n- path: x/same\n- path: y/same\n")
    with pytest.raises(DataError, match=r"two parts are named 'same'.*name:"):
        open_data(path)


def test_mask_values_for_a_layout_of_drawn_shapes(tmp_path):
    (tmp_path / "a.xml").write_text(
        '<annotations><version>1.1</version><image id="0" name="a.png" width="3" height="2"/></annotations>'
    )
    plain(tmp_path, masked=False)
    (tmp_path / "masks").rmdir()
    path = write(tmp_path, "layout: cvat\nthreshold: 3\n")
    with pytest.raises(DataError, match="mask_values and threshold are for mask images"):
        open_data(path)


def test_a_part_with_a_description_of_its_own_is_read_by_it(tmp_path):
    plain(tmp_path / "one")
    write(tmp_path / "one", "name: inner\nmask_values: {10: scratch, 20: pit, 30: pit}\n")
    for part in ("one", "one/dataset.yaml"):
        path = write(tmp_path, f"name: outer\nparts:\n- path: {part}\n")
        data = open_data(path)
        assert (data.name, data.labels) == ("outer", ("scratch", "pit"))
        assert data.samples[0].name == "inner/images/a"
    write(tmp_path / "one", "parts:\n- path: ..\n")
    with pytest.raises(DataError, match="leads back to itself"):
        open_data(path)


def test_the_examples_of_the_manual_are_read(tmp_path):
    manual = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    first, second = (block.split("```")[0] for block in manual.split("```yaml\n")[1:])
    plain(tmp_path, [[0, 85, 170]] * 2)
    (tmp_path / "splits.json").write_text('{"test": [{"image": "images/a.png"}]}')
    data = open_data(write(tmp_path, first))
    assert (data.name, data.labels, data.splits) == ("coil line 3", ("scratch", "pit"), ("test",))
    assert mask_of(data.samples[0]) == [[0, 1, 2]] * 2
    with pytest.raises(DataError, match=r"path: data/sd-saliency-900 does not exist"):
        open_data(write(tmp_path / "joined", second))


def test_white_of_a_camera_reaches_training_check_and_conversion(tmp_path):
    """12 bits in 16-bit files: 4095 is white, wherever the dataset is read."""
    src, out = tmp_path / "src", tmp_path / "out"
    plain(src)
    deep = np.array([[0, 4095, 2048], [1, 4095, 0]], dtype=np.uint16)
    Image.fromarray(deep).save(src / "images" / "a.png")
    write(src, "white: 4095\nmask_values: {10: scratch, 20: pit, 30: background}\n")
    expected = [[0, 65535, round(2048 / 4095 * 65535)], [round(65535 / 4095), 65535, 0]]
    data = open_data(src)
    assert data.samples[0].read_image()[:, :, 0].tolist() == expected
    assert not any(finding.code == "high-bits-unused" for finding in check(data).findings)
    convert(data, "plain", out)
    assert open_data(out).samples[0].read_image()[:, :, 0].tolist() == expected
    with pytest.raises(DataError, match="white cannot be said"):
        convert(data, "coco", tmp_path / "coco")
