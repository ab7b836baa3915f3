"""Surfaces and defects drawn from a seed, with exact masks: for demonstrations, tests and pre-training."""

from flawscope.data.synthetic.defects import KINDS
from flawscope.data.synthetic.scene import draw
from flawscope.data.synthetic.surface import SURFACES
from flawscope.data.synthetic.writing import write_dataset

__all__ = ["KINDS", "SURFACES", "draw", "write_dataset"]
