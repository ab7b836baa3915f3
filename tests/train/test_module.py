"""The optimiser's side of the training step."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from flawscope.segment.header import Header
from flawscope.train.module import SegmentationModule
from flawscope.train.settings import make_recipe


def module_of(network: nn.Module, **changes: object) -> SegmentationModule:
    header = Header(model="ocinet-nano", imgsz=(64, 64), labels=("defect",))
    recipe = make_recipe("default", changes)
    return SegmentationModule(network, header, recipe, class_weights=None, seed=0, steps_per_epoch=1)


@pytest.mark.parametrize(("clip", "expected"), [("value", [2.0, 2.0]), ("norm", [1.2, 1.6])])
def test_gradients_are_clipped_by_value_or_by_norm(clip: str, expected: list[float]) -> None:
    network = nn.Conv2d(1, 2, 1, bias=False)
    module = module_of(network, clip=clip, clip_at=2.0)
    network.weight.grad = torch.tensor([3.0, 4.0]).view(2, 1, 1, 1)
    module.configure_gradient_clipping(torch.optim.AdamW(network.parameters(), fused=True))
    assert network.weight.grad.ravel().tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("precision", "fused"), [("32-true", True), ("bf16-mixed", True), ("16-mixed", None)]
)
def test_half_precision_is_not_fused(
    precision: str, fused: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fused step takes the gradients' scale back itself, which would be after the clipping."""
    trainer = SimpleNamespace(precision=precision)
    monkeypatch.setattr(SegmentationModule, "trainer", property(lambda _: trainer))
    optimizer = module_of(nn.Conv2d(1, 2, 1)).configure_optimizers()["optimizer"]
    assert optimizer.defaults["fused"] is fused
