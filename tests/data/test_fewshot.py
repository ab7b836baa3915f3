import json

import pytest
from PIL import Image

from flawscope.data.fewshot import FOLDS, fold, read_manifest
from flawscope.data.samples import Sample, SegmentationData, open_data
from flawscope.errors import DataError, UsageError


@pytest.fixture
def manifest(tmp_path):
    for name in "abcde":
        Image.new("L", (2, 1), 255).save(tmp_path / f"{name}.png")
    (tmp_path / "splits").mkdir()

    def write(support=("a", "b"), query=("c", "d"), extra=()):
        entries = {
            part: [{"image": f"{n}.png", "mask": f"{n}.png"} for n in names]
            for part, names in (("support", support), ("query", query))
        }
        path = tmp_path / "splits" / "m.json"
        path.write_text(json.dumps({"note": "hello", "classes": {"pit": entries | dict(extra)}}))
        return path

    return write


def test_support_and_query_as_written(manifest, tmp_path):
    read = read_manifest(manifest())
    assert (read.note, [one.name for one in read.classes]) == ("hello", ["pit"])
    pit = read["pit"]
    assert [s.image for s in pit.support] == [tmp_path / "a.png", tmp_path / "b.png"]
    assert [s.name for s in pit.query] == ["c", "d"]
    assert pit.support[0].read()[1].tolist() == [[1, 1]]
    assert [s.image for s in read_manifest(manifest(), tmp_path)["pit"].query] == [s.image for s in pit.query]


def test_one_shot_is_the_first_of_the_support(manifest):
    read = read_manifest(manifest())
    assert [s.name for s in read.shots(1)["pit"].support] == ["a"]
    assert len(read.shots(2)["pit"].support) == 2
    with pytest.raises(UsageError, match="3 shots of 'pit', which has 2"):
        read.shots(3)
    with pytest.raises(DataError, match=r"no class 'dent'.*pit"):
        read["dent"]


def test_mistakes(manifest, tmp_path):
    with pytest.raises(DataError, match="support and query at once"):
        read_manifest(manifest(query=("a", "c")))
    with pytest.raises(DataError, match=r"does not exist: .*z\.png"):
        read_manifest(manifest(query=("z",)))
    with pytest.raises(DataError, match="neither beside it nor in the folder above"):
        read_manifest(manifest(support=("z",)))
    with pytest.raises(DataError, match="'query' is not a list"):
        read_manifest(manifest(extra={"query": 7}))
    path = tmp_path / "x.json"
    path.write_text("[]")
    with pytest.raises(DataError, match="not a few-shot manifest"):
        read_manifest(path)
    path.write_text('{"classes": {}}')
    with pytest.raises(DataError, match="a manifest without a class"):
        read_manifest(path)


def test_published_folds_hold_out_each_class_once():
    assert FOLDS["fssd-12"][1] == ("Os", "Ws", "Pa", "Pk")
    assert FOLDS["surface-defect-4i"][2] == ("Al_Con", "MT_Break", "MT_Fray", "tile")
    for table in FOLDS.values():
        assert len({kind for held in table for kind in held}) == 12


def test_fold_divides_by_kind_and_leaves_clean_images_out(tmp_path):
    kinds = ["Am", "Os", "Ri", "normal"]
    samples = tuple(Sample(kind, tmp_path / f"{kind}.png", kind=kind) for kind in kinds)
    data = SegmentationData("made", tmp_path, ("defect",), samples, layout="fssd-12")
    base, novel = fold(data, 2)
    assert ([s.kind for s in base], [s.kind for s in novel]) == (["Am", "Ri"], ["Os"])
    with pytest.raises(UsageError, match="no fold 4"):
        fold(data, 4)
    with pytest.raises(UsageError, match="no published folds for the layout 'plain'"):
        fold(SegmentationData("x", tmp_path, ("defect",), samples, layout="plain"), 1)


def test_a_manifest_given_as_a_dataset_is_named(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_text('{"classes": {"pit": {"support": [], "query": []}}}')
    with pytest.raises(DataError, match="few-shot manifest, not a dataset"):
        open_data(file)
