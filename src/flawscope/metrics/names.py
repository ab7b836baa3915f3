"""Every figure's name, what it means, how it averages, and which way is better: one literal table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Average = Literal["image mean", "pooled pixels", "classes", "dataset curve", "pooled defects", "images"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What a figure's name stands for.

    Attributes:
        title: short, for tables.
        average: how it goes from images to a dataset: mean over images, pixels pooled over all images, mean over
            classes pooled, taken of the mean curve, defects pooled, or share of images.
        higher: whether more is better.
    """

    title: str
    average: Average
    higher: bool = True


FIGURES: dict[str, Figure] = {
    "iou_fg_image_mean": Figure("IoU, image mean", "image mean"),
    "iou_fg_pooled": Figure("IoU, pooled", "pooled pixels"),
    "dice_fg_image_mean": Figure("Dice, image mean", "image mean"),
    "dice_fg_pooled": Figure("Dice, pooled", "pooled pixels"),
    "fb_iou": Figure("FB-IoU", "pooled pixels"),
    "miou_classes": Figure("mIoU of the defect classes", "classes"),
    "pixel_accuracy": Figure("pixel accuracy (Eq. 5)", "pooled pixels"),
    "recall_fg": Figure("recall, pooled", "pooled pixels"),
    "precision_fg": Figure("precision, pooled", "pooled pixels"),
    "recall_fg_image_mean": Figure("recall, image mean", "image mean"),
    "precision_fg_image_mean": Figure("precision, image mean", "image mean"),
    "wfm": Figure("weighted F", "image mean"),
    "f_measure_max": Figure("F (beta2 0.3), max", "dataset curve"),
    "f_measure_mean": Figure("F (beta2 0.3), mean", "dataset curve"),
    "f_measure_adaptive": Figure("F (beta2 0.3), adaptive", "image mean"),
    "s_measure": Figure("S-measure", "image mean"),
    "e_measure_max": Figure("E-measure, max", "dataset curve"),
    "e_measure_mean": Figure("E-measure, mean", "dataset curve"),
    "e_measure_adaptive": Figure("E-measure, adaptive", "image mean"),
    "mae": Figure("MAE", "image mean", higher=False),
    "ece": Figure("expected calibration error", "pooled pixels", higher=False),
    "mce": Figure("maximum calibration error", "pooled pixels", higher=False),
    "boundary_f": Figure("boundary F", "image mean"),
    "nsd": Figure("normalised surface distance", "image mean"),
    "defect_recall": Figure("defects found", "pooled defects"),
    "false_alarms_per_image": Figure("false alarms an image", "pooled defects", higher=False),
    "escape_rate": Figure("escape rate (defective images passed)", "images", higher=False),
    "overkill_rate": Figure("overkill rate (clean images rejected)", "images", higher=False),
}

SOFT_FIGURES = (
    "wfm",
    "f_measure_max",
    "f_measure_mean",
    "f_measure_adaptive",
    "s_measure",
    "e_measure_max",
    "e_measure_mean",
    "e_measure_adaptive",
    "mae",
    "ece",
    "mce",
)
"""Those that judge the soft map and know no threshold."""

HEADLINE = (
    "iou_fg_image_mean",
    "dice_fg_image_mean",
    "miou_classes",
    "recall_fg_image_mean",
    "precision_fg_image_mean",
    "wfm",
    "mae",
    "defect_recall",
    "false_alarms_per_image",
    "escape_rate",
    "overkill_rate",
)
"""Those that most readers need."""

EMPTY_RULE = (
    "Truth and answer both empty: 1. Only one of them empty: 0. Recall without true pixels and precision without "
    "answered pixels are undefined: left out of means, and counted."
)
