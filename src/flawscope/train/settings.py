"""What a training run is told: a recipe from the literal table, and what its user changes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import UsageError

_GROWN = 0.75
"""Share of the epochs after which images have their full size."""

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
        train_imgsz: input size of training where it differs from ``imgsz``. Crops show surfaces larger than whole
            images do, so a network trained somewhat smaller answers best at ``imgsz`` (Touvron et al., 2019: Fixing
            the train-test resolution discrepancy), and trains faster.
        start_imgsz: input size of the first epochs, which then grows in equal steps of time to that of training and
            is that from three quarters of the epochs on; small images are quick and teach the same at first. None
            for no growth.
        schedule: ``cosine`` falls to a hundredth of ``lr``; ``step`` multiplies by 0.1 at every 30th epoch
            counted from 1, as in the paper.
        warmup_epochs: linear rise from a hundredth of ``lr``.
        clip: ``value`` clamps every gradient value to +-``clip_at``; ``norm`` limits their joint norm.
        augment: ``surface`` (see ``train.augment``) or ``none``.
        least_crop: least share of an image's area that crops of ``surface`` keep. Defects known by their
            surroundings, such as a part brighter than the rest, want much of it.
        dead_pixels: how often ``surface`` makes some of an image's pixels, up to a fifth, black or white, before the
            image is reduced to the size of training.
        cut_mix: how often an image gets a rectangle of another one, see ``train.mixing``; 0 never.
        copies: 8 adds the paper's offline symmetries.
        defect_share: share of an epoch's visits that go to images with a defect, see ``train.dataset``; None visits
            all images alike.
        ema: decay of the exponential moving average of the weights; None for none.
        patience: validations without improvement before stopping early; None never stops early.
        validate_every: epochs between validations; None never validates.
        mixed_precision: bfloat16 arithmetic where the hardware has it, unless the user says otherwise.
        clean_share: what false alarms on clean images cost, see ``train.losses.false_alarm``; None for nothing.
        edge_weight: how much more pixels near a border count, see ``train.losses.edge_weights``; None for not.
        cross_entropy: weight of the cross-entropy beside the soft IoU.
        log_iou: the logarithm of the soft IoU in its place, see ``train.losses.soft_iou``.
        teaching: share of the loss that follows the teachers, where a run has some; the rest follows the masks.
        class_weights: ``equal``, ``balanced`` (inverse pixel frequency, at most 10 to 1), or K + 1 numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: Literal["adam", "adamw"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    batch: int = Field(default=8, ge=1)
    epochs: int = Field(default=100, ge=1)
    imgsz: int = Field(default=256, ge=64, le=4096)
    train_imgsz: int | None = Field(default=None, ge=64, le=4096)
    start_imgsz: int | None = Field(default=None, ge=64, le=4096)
    schedule: Literal["cosine", "step"] = "cosine"
    warmup_epochs: float = Field(default=3, ge=0)
    clip: Literal["value", "norm"] = "norm"
    clip_at: float = Field(default=1.0, gt=0)
    augment: Literal["surface", "none"] = "surface"
    least_crop: float = Field(default=0.75, gt=0, le=1)
    dead_pixels: float = Field(default=0.0, ge=0, le=1)
    cut_mix: float = Field(default=0.0, ge=0, le=1)
    copies: Literal[1, 8] = 1
    defect_share: float | None = Field(default=None, gt=0, lt=1)
    ema: float | None = Field(default=0.995, gt=0, lt=1)
    patience: int | None = Field(default=20, ge=1)
    validate_every: int | None = Field(default=1, ge=1)
    mixed_precision: bool = True
    clean_share: float | None = Field(default=0.02, gt=0, le=1)
    edge_weight: float | None = Field(default=None, gt=0)
    cross_entropy: float = Field(default=0.25, ge=0)
    log_iou: bool = False
    teaching: float = Field(default=0.5, gt=0, le=1)
    class_weights: Literal["equal", "balanced"] | tuple[_Weight, ...] = "equal"

    def side_at(self, epoch: int) -> int:
        """Input size in an epoch counted from 0, pixels; a multiple of 32 until it is that of training."""
        last = self.train_imgsz or self.imgsz
        if self.start_imgsz is None or self.start_imgsz >= last:
            return last
        sides = [*range(self.start_imgsz // 32 * 32, last, 32), last]
        return sides[min(int(epoch / (_GROWN * self.epochs) * (len(sides) - 1)), len(sides) - 1)]


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
        cross_entropy=1.0,
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
