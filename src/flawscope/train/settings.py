"""What a training run is told: a recipe from the literal table, and what its user changes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import UsageError

_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How to optimise.

    Attributes:
        optimizer: ``adam`` or ``adamw``.
        lr: learning rate after warm-up.
        weight_decay: decoupled, on weights of two or more dimensions only.
        batch: images a step.
        epochs: visits to the training set (to its eight symmetries each, with ``copies`` 8).
        imgsz: square network input, pixels; below 64 the coarsest level is a single pixel, which cannot be
            normalised over a batch of one.
        schedule: ``cosine`` falls to a hundredth of ``lr``; ``step`` multiplies by 0.1 at every 30th epoch
            counted from 1, as in the paper.
        warmup_epochs: linear rise from a hundredth of ``lr``.
        clip: ``value`` clamps every gradient value to +-``clip_at``; ``norm`` limits their joint norm.
        augment: ``surface`` (see ``train.augment``) or ``none``.
        copies: 8 adds the paper's offline symmetries.
        ema: decay of the exponential moving average of the weights; None for none.
        patience: validations without improvement before stopping early; None never stops early.
        validate_every: epochs between validations; None never validates.
        mixed_precision: bfloat16 arithmetic where the hardware has it, unless the user says otherwise.
        clean_share: what false alarms on clean images cost, see ``train.losses.false_alarm``; None for nothing.
        class_weights: ``equal``, ``balanced`` (inverse pixel frequency, at most 10 to 1), or K + 1 numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: Literal["adam", "adamw"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    batch: int = Field(default=8, ge=1)
    epochs: int = Field(default=100, ge=1)
    imgsz: int = Field(default=256, ge=64, le=4096)
    schedule: Literal["cosine", "step"] = "cosine"
    warmup_epochs: float = Field(default=3, ge=0)
    clip: Literal["value", "norm"] = "norm"
    clip_at: float = Field(default=1.0, gt=0)
    augment: Literal["surface", "none"] = "surface"
    copies: Literal[1, 8] = 1
    ema: float | None = Field(default=0.995, gt=0, lt=1)
    patience: int | None = Field(default=20, ge=1)
    validate_every: int | None = Field(default=1, ge=1)
    mixed_precision: bool = True
    clean_share: float | None = Field(default=0.001, gt=0, le=1)
    class_weights: Literal["equal", "balanced"] | tuple[_Weight, ...] = "equal"


RECIPES: dict[str, Recipe] = {
    # OCINet, Sec. IV-A: nothing is validated, the last epoch's weights are the result.
    "paper": Recipe(
        optimizer="adam",
        lr=1e-4,
        weight_decay=0.0,
        batch=16,
        epochs=70,
        imgsz=352,
        schedule="step",
        warmup_epochs=0,
        clip="value",
        clip_at=0.5,
        augment="none",
        copies=8,
        ema=None,
        patience=None,
        validate_every=None,
        clean_share=None,
        mixed_precision=False,
    ),
    "default": Recipe(),
}


def make_recipe(name: str, changes: dict[str, Any]) -> Recipe:
    """A recipe of the table with the given fields changed; raises UsageError."""
    if name not in RECIPES:
        raise UsageError(
            f"no recipe named '{name}'", where="--recipe", remedy=f"Choose one of: {', '.join(RECIPES)}"
        )
    return change_recipe(RECIPES[name], changes)


def change_recipe(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """A recipe with the given fields changed; raises UsageError."""
    try:
        return Recipe.model_validate({**recipe.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + "-".join(str(part) for part in first["loc"][:1]).replace("_", "-")
        raise UsageError(f"{first['msg'].lower()} (given: {first['input']})", where=option) from error
