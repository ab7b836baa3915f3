"""A segmenter, or a folder of somebody's maps, against true masks.

>>> from flawscope import load, open_data
>>> from flawscope.evaluate import evaluate
>>> evaluation = evaluate(load("ocinet-tiny"), open_data("my-dataset").split("test"))  # doctest: +SKIP
>>> evaluation.figures["iou_fg_image_mean"], evaluation.intervals["iou_fg_image_mean"]  # doctest: +SKIP
"""

from __future__ import annotations

from flawscope.evaluate.evaluation import Evaluation, Part
from flawscope.evaluate.files import write_evaluation
from flawscope.evaluate.judging import Judged, calibrate, evaluate
from flawscope.evaluate.maps import MapFolder, masks_as_data, open_maps
from flawscope.evaluate.overlays import Overlays
from flawscope.evaluate.settings import Settings

__all__ = [
    "Evaluation",
    "Judged",
    "MapFolder",
    "Overlays",
    "Part",
    "Settings",
    "calibrate",
    "evaluate",
    "masks_as_data",
    "open_maps",
    "write_evaluation",
]
