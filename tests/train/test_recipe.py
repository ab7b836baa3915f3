import pytest

from flawscope.errors import UsageError
from flawscope.train import run as training
from flawscope.train.module import rate
from flawscope.train.settings import RECIPES, make_recipe


def test_paper_recipe_is_the_papers() -> None:
    paper = RECIPES["paper"]
    assert (paper.optimizer, paper.lr, paper.batch, paper.epochs, paper.imgsz) == ("adam", 1e-4, 16, 70, 352)
    assert (paper.clean_share, paper.cross_entropy, paper.log_iou) == (None, 1.0, False)
    assert (paper.clip, paper.clip_at, paper.copies, paper.ema, paper.validate_every) == (
        "value",
        0.5,
        8,
        None,
        None,
    )
    assert (paper.schedule, paper.warmup_epochs, paper.weight_decay) == ("step", 0, 0)
    assert (paper.augment, paper.patience, paper.class_weights) == ("none", None, "equal")


def test_paper_recipe_computes_in_32_bits_whatever_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_has_bf16", lambda _: True)
    asked = {
        (name, wanted): training._precision(wanted, "gpu", mixed=RECIPES[name].mixed_precision)
        for name in RECIPES
        for wanted in ("auto", "bf16", "fp32")
    }
    assert asked["default", "auto"] == "bf16-mixed"
    assert asked["paper", "auto"] == "32-true"
    assert asked["paper", "bf16"] == asked["default", "bf16"] == "bf16-mixed"
    assert asked["paper", "fp32"] == asked["default", "fp32"] == "32-true"


def test_paper_rate_drops_at_epochs_30_and_60_counted_from_1() -> None:
    paper = RECIPES["paper"]
    by_epoch = {epoch: rate(epoch - 1, paper) for epoch in (1, 29, 30, 59, 60, 70)}
    assert by_epoch == pytest.approx({1: 1.0, 29: 1.0, 30: 0.1, 59: 0.1, 60: 0.01, 70: 0.01})


def test_default_rate_rises_then_falls_to_a_hundredth() -> None:
    recipe = make_recipe("default", {"epochs": 50})
    assert rate(0, recipe) == pytest.approx(0.01)
    assert rate(recipe.warmup_epochs, recipe) == pytest.approx(1.0)
    assert rate(50, recipe) == pytest.approx(0.01)


def test_images_grow_in_steps_of_32_to_their_size_in_three_quarters_of_the_epochs() -> None:
    recipe = make_recipe("default", {"epochs": 40, "imgsz": 200, "start_imgsz": 100})
    sides = [recipe.side_at(epoch) for epoch in range(40)]
    assert sides == sorted(sides)
    assert sorted(set(sides)) == [96, 128, 160, 192, 200]
    assert sides.index(200) == 30
    assert [sides.count(side) for side in (96, 128, 160, 192)] == [8, 7, 8, 7]


def test_training_may_end_below_the_size_of_answers() -> None:
    recipe = make_recipe("default", {"epochs": 40, "imgsz": 256, "train_imgsz": 192, "start_imgsz": 128})
    assert [recipe.side_at(epoch) for epoch in (0, 15, 30, 39)] == [128, 160, 192, 192]
    alone = make_recipe("default", {"imgsz": 256, "train_imgsz": 192})
    assert {alone.side_at(epoch) for epoch in range(alone.epochs)} == {192}


def test_without_growth_images_have_one_size() -> None:
    for changes in ({}, {"start_imgsz": 256}, {"start_imgsz": 512}):
        recipe = make_recipe("default", {"imgsz": 256, **changes})
        assert {recipe.side_at(epoch) for epoch in range(recipe.epochs)} == {256}


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("papper", {}, "no recipe named"),
        ("default", {"batch": 0}, "--batch"),
        ("default", {"lr": -1}, "--lr"),
        ("default", {"imgsz": 32}, "--imgsz"),
        ("default", {"class_weights": (1.0, float("nan"))}, "--class-weights"),
        ("default", {"class_weights": (1.0, -2.0)}, "--class-weights"),
    ],
)
def test_mistakes_are_named(name: str, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_recipe(name, changes)
