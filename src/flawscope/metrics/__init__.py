"""How good a mask is: pure numpy functions, running accumulators, and the two protocols.

The functions take one image; :class:`Running` takes one after the other and gives the figures of a dataset.
``FIGURES`` says what each name means and how it averages; the rule for empty masks is in ``metrics.overlap``.
"""

from __future__ import annotations

from flawscope.metrics.absolute_error import mae
from flawscope.metrics.boundary import boundary, boundary_f, boundary_scores, surface_distance
from flawscope.metrics.defects import DefectCounts, count_defects
from flawscope.metrics.e_measure import e_adaptive, e_curve
from flawscope.metrics.f_measure import f_adaptive, f_curve
from flawscope.metrics.histogram import LevelCounts, level_counts
from flawscope.metrics.names import EMPTY_RULE, FIGURES, Figure
from flawscope.metrics.overlap import (
    class_ious,
    confusion,
    dice_fg,
    fb_iou,
    iou_fg,
    masks_dice,
    masks_fb_iou,
    masks_iou,
    miou_classes,
    pixel_accuracy,
    precision_fg,
    recall_fg,
)
from flawscope.metrics.protocols import Protocol, Published, Standard
from flawscope.metrics.running import Running
from flawscope.metrics.s_measure import s_measure
from flawscope.metrics.threshold_curve import THRESHOLDS, best_threshold
from flawscope.metrics.totals import ImageScores
from flawscope.metrics.weighted_f import weighted_f

__all__ = [
    "EMPTY_RULE",
    "FIGURES",
    "THRESHOLDS",
    "DefectCounts",
    "Figure",
    "ImageScores",
    "LevelCounts",
    "Protocol",
    "Published",
    "Running",
    "Standard",
    "best_threshold",
    "boundary",
    "boundary_f",
    "boundary_scores",
    "class_ious",
    "confusion",
    "count_defects",
    "dice_fg",
    "e_adaptive",
    "e_curve",
    "f_adaptive",
    "f_curve",
    "fb_iou",
    "iou_fg",
    "level_counts",
    "mae",
    "masks_dice",
    "masks_fb_iou",
    "masks_iou",
    "miou_classes",
    "pixel_accuracy",
    "precision_fg",
    "recall_fg",
    "s_measure",
    "surface_distance",
    "weighted_f",
]
