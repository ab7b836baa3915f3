"""The training step and the validation step, as Lightning wants them."""

from __future__ import annotations

import math
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flawscope.images import Probability
from flawscope.segment.header import Header
from flawscope.segment.network import activate, finest
from flawscope.segment.preprocess import probabilities
from flawscope.train.dataset import ValidationItem
from flawscope.train.losses import HybridLoss
from flawscope.train.mixing import cut_mix
from flawscope.train.settings import Recipe
from flawscope.train.teaching import Teachers, distillation
from flawscope.train.validation import ValidationCurve


class SegmentationModule(lightning.LightningModule):
    """A network that returns logit maps finest first, its loss, its optimiser and its schedule.

    Args:
        network: see ``flawscope.nets.build``.
        header: input size and labels.
        recipe: how to optimise.
        class_weights: K + 1 numbers, background first, or None.
        seed: every step's dropout depends on it and the step's number alone, so that resuming is exact.
        steps_per_epoch: for the schedule.
        teachers: networks to learn from beside the masks.
    """

    def __init__(
        self,
        network: nn.Module,
        header: Header,
        recipe: Recipe,
        *,
        class_weights: tuple[float, ...] | None,
        seed: int,
        steps_per_epoch: int,
        teachers: Teachers | None = None,
    ) -> None:
        super().__init__()
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # convolutions are faster so
        self.header = header
        self.recipe = recipe
        self.loss = HybridLoss(
            class_weights,
            recipe.clean_share,
            edge_weight=recipe.edge_weight,
            cross_entropy=recipe.cross_entropy,
            log_iou=recipe.log_iou,
        )
        self.teachers = teachers
        self.curve = ValidationCurve()
        self.epoch_loss = 0.0
        self._seed = seed
        self.steps_per_epoch = steps_per_epoch
        self._losses: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The hybrid loss of one batch."""
        inputs, target = batch
        torch.manual_seed(self._seed * 1_000_003 + self.current_epoch * self.steps_per_epoch + batch_idx)
        side = self.recipe.side_at(self.current_epoch)
        inputs, target = _resize(inputs, side), _resize(target, side)
        if self.recipe.cut_mix:
            inputs, target = cut_mix(inputs, target, self.recipe.cut_mix)
        maps = self.network(inputs.contiguous(memory_format=torch.channels_last))
        loss: Tensor = self.loss(maps, target)
        if self.teachers is not None:
            share = self.recipe.teaching
            loss = (1 - share) * loss + share * distillation(maps, self.teachers.say(inputs))
        self._losses.append(loss.detach())
        self.log("loss", loss.detach(), prog_bar=True, logger=False)
        return loss

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the last epoch."""
        self._losses.clear()

    def close_epoch(self) -> float:
        """Mean training loss of the epoch so far."""
        self.epoch_loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        return self.epoch_loss

    def on_validation_epoch_start(self) -> None:
        """Begin a new curve."""
        self.curve = ValidationCurve()

    def validation_step(self, batch: list[ValidationItem], batch_idx: int) -> None:
        """Add images to the curve, at their original size."""
        inputs = torch.stack([item.inputs for item in batch]).to(self.device)
        activated = activate(finest(self.network(inputs))).float().cpu().numpy()
        for item, maps in zip(batch, activated, strict=True):
            found: Probability = probabilities(maps, *item.mask.shape)
            self.curve.add(found, item.mask)

    def on_validation_epoch_end(self) -> None:
        """Log the figure by which weights are chosen."""
        self.log("val_iou", self.curve.iou_at(0.5), prog_bar=True, logger=False)

    def configure_optimizers(self) -> Any:
        """Adam or AdamW with the recipe's schedule, stepped every batch."""
        recipe = self.recipe
        decayed = [p for p in self.network.parameters() if p.requires_grad and p.ndim >= 2]
        plain = [p for p in self.network.parameters() if p.requires_grad and p.ndim < 2]
        groups = [
            {"params": decayed, "weight_decay": recipe.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        make = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
        optimizer = make(groups, lr=recipe.lr, fused=self._fused())
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """By value or by norm; Lightning's own refuses fused optimisers whenever precision is mixed."""
        gradients = [p for p in self.network.parameters() if p.grad is not None]
        if self.recipe.clip == "value":
            nn.utils.clip_grad_value_(gradients, self.recipe.clip_at)
        else:
            nn.utils.clip_grad_norm_(gradients, self.recipe.clip_at)

    def _fused(self) -> bool | None:
        """A fused step would undo the scaling of half precision itself, after the clipping."""
        return None if self.trainer.precision == "16-mixed" else True

    def _rate(self, step: int) -> float:
        return rate(step / self.steps_per_epoch, self.recipe)


def _resize(images: Tensor, side: int) -> Tensor:
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)


def rate(epoch: float, recipe: Recipe) -> float:
    """The factor on the learning rate after ``epoch`` epochs (fractions allowed)."""
    if recipe.schedule == "step":
        return float(0.1 ** ((int(epoch) + 1) // 30))  # drops at the 30th and 60th epoch, counted from 1
    if epoch < recipe.warmup_epochs:
        return 0.01 + 0.99 * epoch / recipe.warmup_epochs
    progress = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
