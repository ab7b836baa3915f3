"""What was trained on a material is not scored on it."""

import json
from pathlib import Path

import pytest

from flawscope.errors import UsageError
from flawscope.fewshot.materials import material_of, refuse_seen, trained_on, trained_on_folder


@pytest.mark.parametrize(
    ("name", "file", "material"),
    [
        ("steel-scratches", "x/y.bmp", "steel"),
        ("tile-break", "x/y.bmp", "tile"),
        ("scratches", "sd-saliency-900/Source Images/Sc_1.bmp", "steel"),
        ("break", "magnetic-tile/MT_Break/Imgs/1.jpg", "tile"),
        ("Am", "FSSD/Steel_Am/Images/Steel_Am_1.jpg", "steel"),
        ("leather", "4i/leather/Images/1.jpg", None),
    ],
)
def test_material_of_a_class(name: str, file: str, material: str | None) -> None:
    assert material_of(name, [Path(file)]) == material


def test_notes_of_models(tmp_path: Path) -> None:
    assert trained_on({"dataset": "steel, tile and drawn surfaces"}) == {"steel", "tile"}
    assert trained_on({"dataset": "drawn surfaces"}) == frozenset()
    assert trained_on({"trained_on": ["tile"], "dataset": "steel"}) == {"tile"}
    assert trained_on_folder(tmp_path) == frozenset()
    (tmp_path / "card.json").write_text(json.dumps({"trained_on": ["steel"]}), encoding="utf-8")
    assert trained_on_folder(tmp_path) == {"steel"}


def test_the_refusal_names_both() -> None:
    refuse_seen("m", frozenset({"tile"}), "steel-scratches", "steel")
    with pytest.raises(UsageError, match=r"m was trained on steel, so .*'steel-scratches'"):
        refuse_seen("m", frozenset({"steel"}), "steel-scratches", "steel")
