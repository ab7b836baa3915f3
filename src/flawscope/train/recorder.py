"""Everything a run leaves behind while it trains: weights, curves, pictures, and the state to resume from."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import numpy as np

from flawscope.outputs import atomic, write_text
from flawscope.segment.header import Header
from flawscope.segment.network import save_safetensors
from flawscope.train.averaging import MovingAverage
from flawscope.train.module import SegmentationModule
from flawscope.train.pictures import draw_curves, draw_validation

Say = Callable[[str], None]

_PICTURE_SECONDS = 20.0


class RunRecorder(lightning.Callback):
    """Writes the run folder epoch by epoch and stops early when validation no longer improves.

    It must stand before the weight averaging among the callbacks: during its validation hooks the module then
    still holds the averaged weights.

    Args:
        folder: the run folder.
        say: where lines for people go.
        minutes: stop at the end of the epoch that passes this many minutes of training, resumed time included.
        average: the weight averaging of the run, if it has one.
    """

    def __init__(
        self, folder: Path, say: Say, *, minutes: float | None = None, average: MovingAverage | None = None
    ) -> None:
        self.folder = folder
        self.history: list[dict[str, float]] = []
        self.best_score = -1.0
        self.best_epoch = 0
        self.stale = 0
        self.seconds = 0.0
        self.stopped_early = False
        self._say = say
        self._minutes = minutes
        self._average = average
        self._validated: Header | None = None
        self._clock = time.monotonic()
        self._drawn = 0.0

    @property
    def resume_file(self) -> Path:
        """The state to resume from, written at the end of every epoch."""
        return self.folder / "resume" / "last.ckpt"

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "history": self.history,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "stale": self.stale,
            "seconds": self.seconds,
            "stopped_early": self.stopped_early,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start the clock; a run that had already ended stays ended."""
        self._clock = time.monotonic()
        if self.stopped_early:
            trainer.should_stop = True

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Keep the weights when they are the best so far."""
        module = _module(pl_module)
        curve = module.curve
        epoch = trainer.current_epoch + 1
        score = curve.score()
        header = module.header.model_copy(
            update={
                "threshold": curve.best_threshold(),
                "provenance": {
                    **module.header.provenance,
                    "epoch": epoch,
                    "validation": {
                        "images": len(curve),
                        "iou_fg_image_mean": round(curve.iou_at(0.5), 4),
                        "iou_fg_image_mean_calibrated": round(float(np.max(curve.curve())), 4),
                        "iou_classes_pooled": [
                            None if math.isnan(value) else round(value, 4) for value in curve.class_ious()
                        ],
                    },
                },
            }
        )
        self._validated = header
        if score > self.best_score:
            self.best_score, self.best_epoch, self.stale = score, epoch, 0
            save_safetensors(module.network, header, self.folder / "weights" / "best.safetensors")
        else:
            self.stale += 1
        if self._picture_due(trainer):
            draw_validation(module, trainer.val_dataloaders, self.folder / "plots" / "validation.png")

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the row of this epoch, the curves and the state to resume from."""
        module = _module(pl_module)
        recipe = module.recipe
        now = time.monotonic()
        self.seconds += now - self._clock
        self._clock = now
        row = {
            "epoch": trainer.current_epoch + 1,
            "loss": module.close_epoch(),
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(self.seconds, 1),
        }
        if len(module.curve) and _validated(trainer, recipe.validate_every):
            row["val_iou_fg_image_mean"] = module.curve.iou_at(0.5)
            row["val_score"] = module.curve.score()
        self._save_last(module)
        self.history.append(row)
        write_text(self.folder / "metrics.csv", _csv(self.history))
        if self._picture_due(trainer):
            draw_curves(self.history, self.folder / "plots" / "curves.png")
            self._drawn = now
        self._say(self._line(row, trainer.max_epochs or recipe.epochs))
        if recipe.patience is not None and self.stale >= recipe.patience:
            self._say(f"no improvement in {self.stale} validations, stopping early")
            self.stopped_early = trainer.should_stop = True
        if self._minutes is not None and self.seconds >= 60 * self._minutes:
            self._say(f"{self._minutes:g} minutes are over, stopping")
            trainer.should_stop = True
        with atomic(self.resume_file) as temporary:
            trainer.save_checkpoint(temporary)

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Ctrl-C in the first epoch still leaves weights; later ones left theirs at their end."""
        if isinstance(exception, KeyboardInterrupt) and not self.history:
            self._save_last(_module(pl_module))

    def _save_last(self, module: SegmentationModule) -> None:
        averaged = None if self._average is None else self._average.network
        header = self._validated or module.header
        self._validated = None
        save_safetensors(averaged or module.network, header, self.folder / "weights" / "last.safetensors")

    def _picture_due(self, trainer: lightning.Trainer) -> bool:
        last = trainer.current_epoch + 1 == trainer.max_epochs or trainer.should_stop
        return last or time.monotonic() - self._drawn > _PICTURE_SECONDS or not self.history

    def _line(self, row: dict[str, float], epochs: int) -> str:
        parts = [f"epoch {int(row['epoch'])}/{epochs}", f"loss {row['loss']:.4f}", f"lr {row['lr']:.2e}"]
        if "val_iou_fg_image_mean" in row:
            best = f"best {self.best_score:.4f} at {self.best_epoch}"
            parts.append(f"val IoU {row['val_iou_fg_image_mean']:.4f} ({best})")
        parts.append(f"{row['seconds'] / 60:.1f} min")
        return "  ".join(parts)


def _validated(trainer: lightning.Trainer, every: int | None) -> bool:
    return every is not None and (trainer.current_epoch + 1) % every == 0


def _csv(history: list[dict[str, float]]) -> str:
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def _module(pl_module: lightning.LightningModule) -> SegmentationModule:
    assert isinstance(pl_module, SegmentationModule)
    return pl_module
