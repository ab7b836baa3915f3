"""The model card of a run: what it is, what it saw, how well it did, in a page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flawscope.segment.header import Header

if TYPE_CHECKING:
    from flawscope.train.run import RunSummary
    from flawscope.train.run_settings import RunSettings


def model_card(header: Header, settings: RunSettings, summary: RunSummary) -> str:
    """Markdown, rendered from what the run recorded."""
    recipe = settings.recipe
    checked = header.provenance.get("validation")
    if checked:
        scores = (
            f"Chosen at epoch {summary.best_epoch} by its validation figures on {checked['images']} images: "
            f"foreground IoU {checked['iou_fg_image_mean']:.4f} at threshold 0.5 (image mean), "
            f"{checked['iou_fg_image_mean_calibrated']:.4f} at the calibrated threshold {header.threshold:.2f}."
        )
    else:
        scores = "The weights after the last epoch; nothing was validated."
    started = settings.weights or settings.backbone_weights or "random initialisation"
    return f"""# {settings.model}, {header.provenance["dataset"]}

| | |
|---|---|
| model | `{settings.model}` {settings.options or ""} |
| classes | {", ".join(header.labels)} |
| input | {header.imgsz[0]}x{header.imgsz[1]}, images are stretched to it and masks back |
| trained on | {header.provenance["training_images"]} images of {header.provenance["dataset"]} |
| started from | {started} |
| recipe | `{settings.recipe_name}`: {recipe.optimizer}, learning rate {recipe.lr:g}, batch {recipe.batch} |
| finished epochs | {summary.epochs} of {recipe.epochs}, {summary.seconds / 60:.1f} minutes, seed {settings.seed} |
| threshold | {header.threshold:.2f} |

{scores} Validation chose the weights, so these figures flatter; measure on images that decided nothing with
`flawscope evaluate`.

`data.lock.json` lists every file seen, `env.json` the machine and versions, `config.yaml` all settings.
"""
