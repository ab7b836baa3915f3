"""How much a segmenter loses when images get worse: noise, blur, light, compression, rotation, scale."""

from flawscope.evaluate.robustness.degraded import degraded
from flawscope.evaluate.robustness.files import write_robustness
from flawscope.evaluate.robustness.sheet import SHEET, Degradation, choose
from flawscope.evaluate.robustness.study import Curves, Degree, Plan, measure

__all__ = [
    "SHEET",
    "Curves",
    "Degradation",
    "Degree",
    "Plan",
    "choose",
    "degraded",
    "measure",
    "write_robustness",
]
