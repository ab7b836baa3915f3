"""The optimiser's side of the training step."""

import pytest
import torch
from torch import nn

from flawscope.segment.header import Header
from flawscope.train.module import SegmentationModule
from flawscope.train.settings import Recipe


@pytest.mark.parametrize(("algorithm", "expected"), [("value", [2.0, 2.0]), ("norm", [1.2, 1.6])])
def test_gradients_are_clipped_by_value_or_by_norm(algorithm: str, expected: list[float]) -> None:
    network = nn.Conv2d(1, 2, 1, bias=False)
    header = Header(model="ocinet-nano", imgsz=(64, 64), labels=("defect",))
    module = SegmentationModule(network, header, Recipe(), class_weights=None, seed=0, steps_per_epoch=1)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    network.weight.grad = torch.tensor([3.0, 4.0]).view(2, 1, 1, 1)
    module.configure_gradient_clipping(optimizer, 2.0, algorithm)
    assert network.weight.grad.ravel().tolist() == pytest.approx(expected, rel=1e-4)
