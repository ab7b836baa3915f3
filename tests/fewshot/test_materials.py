"""What was trained on a material is not scored on it."""

import json
import shutil
from pathlib import Path

import pytest

from flawscope.data.fewshot import FOLDS
from flawscope.errors import UsageError
from flawscope.fewshot.materials import (
    material_of,
    refuse_seen,
    trained_on,
    trained_on_folder,
    unseen_start,
)
from flawscope.segment.opening import promptable_folder


@pytest.mark.parametrize(
    ("name", "file", "material"),
    [
        ("steel-scratches", "x/y.bmp", "steel"),
        ("tile-break", "x/y.bmp", "tile"),
        ("scratches", "sd-saliency-900/Source Images/Sc_1.bmp", "steel"),
        ("break", "magnetic-tile/MT_Break/Imgs/1.jpg", "tile"),
        ("Am", "FSSD/Steel_Am/Images/Steel_Am_1.jpg", "steel"),
        ("leather", "steel/4i/leather/Images/1.jpg", "leather"),
        ("scab", "photographs/1.jpg", None),
        ("Op", "photographs/1.jpg", "steel"),
        ("AI_Rm", "4i/AI_Rm/Images/1.jpg", "aluminium"),
        ("Al_Con", "4i/Al_Con/Images/1.jpg", "aluminium"),
        ("Rail", "4i/Rail/Images/1.jpg", "rail"),
    ],
)
def test_material_of_a_class(name: str, file: str, material: str | None) -> None:
    assert material_of(name, [Path(file)]) == material


def test_every_kind_of_the_few_shot_sets_has_a_material() -> None:
    assert {material_of(kind) for kinds in FOLDS["fssd-12"] for kind in kinds} == {"steel"}
    of_4i = [material_of(kind) for kinds in FOLDS["surface-defect-4i"] for kind in kinds]
    assert {name: of_4i.count(name) for name in of_4i} == {
        "aluminium": 2,
        "tile": 4,
        "steel": 4,
        "leather": 1,
        "rail": 1,
    }


def test_a_start_that_saw_steel_has_seen_steel() -> None:
    first = {"dataset": "neu-seg"}
    second = {"dataset": "drawn", "started_from": {"weights": "a.safetensors", **first}}
    third = {"trained_on": ["tile"], "started_from": {"weights": "b.safetensors", **second}}
    assert trained_on(second) == {"steel"}
    assert trained_on(third) == {"steel", "tile"}
    assert trained_on({"dataset": "drawn", "started_from": {"weights": "steel.safetensors"}}) == frozenset()


def test_notes_of_models(tmp_path: Path) -> None:
    assert trained_on({"dataset": "steel, tile and drawn surfaces"}) == {"steel", "tile"}
    assert trained_on({"dataset": "drawn surfaces"}) == frozenset()
    assert trained_on({"dataset": "surface-defect-4i"}) == {"steel", "tile", "rail", "aluminium", "leather"}
    assert trained_on({"trained_on": ["tile"], "dataset": "steel"}) == {"tile"}
    assert trained_on_folder(tmp_path) == frozenset()
    (tmp_path / "card.json").write_text(json.dumps({"trained_on": ["steel"]}), encoding="utf-8")
    assert trained_on_folder(tmp_path) == {"steel"}


def test_the_refusal_names_both() -> None:
    refuse_seen("m", frozenset({"tile"}), "steel-scratches", "steel")
    with pytest.raises(UsageError, match=r"m was trained on steel, so .*'steel-scratches'"):
        refuse_seen("m", frozenset({"steel"}), "steel-scratches", "steel")


@pytest.mark.parametrize(("name", "seen"), [("no-steel", "tile"), ("no-tile", "steel")])
def test_a_copy_of_a_shipped_promptable_model_still_tells_what_it_saw(
    name: str, seen: str, tmp_path: Path
) -> None:
    folder = promptable_folder(name)
    assert trained_on_folder(folder) == {seen}
    assert trained_on_folder(Path(shutil.copytree(folder, tmp_path / "mine"))) == {seen}


def test_weights_to_start_from_that_saw_the_material_are_refused(noted_weights: Path) -> None:
    weights = str(noted_weights)
    assert unseen_start(weights, "tile-square", "tile").provenance == {"dataset": "neu-seg"}
    with pytest.raises(UsageError, match=r"--finetune-weights: .* was trained on steel.*'steel-square'"):
        unseen_start(weights, "steel-square", "steel")
