"""Physical pieces of a study's images, from manifests and from split files."""

import json
from pathlib import Path

import pytest

from flawscope.errors import DataError
from flawscope.fewshot.pieces import pieces_of
from flawscope.fewshot.store import FinishedRow

ROW = FinishedRow(
    {},
    {
        "": [
            {"class": "crack", "image": "tiles/MT_Crack/a1"},
            {"class": "crack", "image": "tiles/MT_Crack/a2"},
            {"class": "fray", "image": "tiles/MT_Fray/b1", "piece": "from the manifest"},
            {"class": "fray", "image": "strips/c1"},
        ]
    },
)


def split_file(folder: Path, entries: list[dict[str, str]]) -> Path:
    file = folder / "tiles.json"
    file.write_text(json.dumps({"test": entries}), encoding="utf-8")
    return file


def test_a_manifest_knows_its_pieces() -> None:
    assert pieces_of([ROW]) == {("fray", "tiles/MT_Fray/b1"): "from the manifest"}


def test_a_split_file_adds_those_whose_paths_end_alike(tmp_path: Path) -> None:
    file = split_file(
        tmp_path,
        [
            {"image": "MT_Crack/a1.jpg", "group": "g1"},
            {"image": "MT_Crack/a2.jpg", "group": "g1"},
            {"image": "b1.jpg", "group": "g2"},
            {"image": "MT_Free/z.jpg", "group": "g9"},
            {"image": "strips/c1.bmp"},
        ],
    )
    found = pieces_of([ROW], [file])
    assert found == {
        ("crack", "tiles/MT_Crack/a1"): "tiles/g1",
        ("crack", "tiles/MT_Crack/a2"): "tiles/g1",
        ("fray", "tiles/MT_Fray/b1"): "tiles/g2",
    }


def test_a_file_of_other_images_is_told(tmp_path: Path) -> None:
    file = split_file(tmp_path, [{"image": "MT_Crack/zz.jpg", "group": "g1"}])
    with pytest.raises(DataError, match="groups no image of the study"):
        pieces_of([ROW], [file])
