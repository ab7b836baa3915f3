import math
from pathlib import Path

import pytest
import torch
from torch import nn

from flawscope.errors import WeightsError
from flawscope.nets import build
from flawscope.segment.header import Header
from flawscope.segment.network import save_safetensors
from flawscope.train.teaching import Teachers, distillation, open_teachers


class Says(nn.Module):
    """Logits that never change."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor]:
        maps = [torch.full((len(image), 1, *image.shape[-2:]), value) for value in self.logits]
        return (torch.cat(maps, dim=1),)


def test_teachers_say_the_mean_probability() -> None:
    said = Teachers([Says(math.log(3)), Says(-math.log(3))]).say(torch.zeros(2, 3, 4, 4))
    assert said.shape == (2, 1, 4, 4)
    assert said.mean().item() == pytest.approx(0.5)  # of three quarters and one
    several = Teachers([Says(0.0, math.log(2), math.log(3))]).say(torch.zeros(1, 3, 2, 2))
    assert several[0, :, 0, 0].tolist() == pytest.approx([2 / 6, 3 / 6])


def test_the_loss_is_least_where_the_student_says_the_same() -> None:
    said = torch.full((1, 1, 2, 2), 0.8)
    losses = {
        p: distillation([torch.full((1, 1, 2, 2), math.log(p / (1 - p)))], said).item()
        for p in (0.6, 0.8, 0.95)
    }
    assert losses[0.8] < min(losses[0.6], losses[0.95])
    assert losses[0.8] == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)), abs=1e-5)
    four = [torch.zeros(1, 1, 2, 2)] * 4
    assert distillation(four, said).item() == pytest.approx(2.75 * math.log(2), abs=1e-5)


def test_teachers_need_the_same_classes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    header = Header(model="ocinet-nano", options={"width": 8}, imgsz=(64, 64), labels=("defect",))
    network = build("ocinet-nano", width=8).eval()
    file = tmp_path / "teacher.safetensors"
    save_safetensors(network, header, file)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(image)[0].sigmoid()
    assert open_teachers([str(file)], header).say(image) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(WeightsError, match="a teacher of defect cannot teach scratch, pit"):
        open_teachers([str(file)], header.model_copy(update={"labels": ("scratch", "pit")}))
