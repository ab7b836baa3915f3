"""A network small enough to export in every test, and images for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ocinet-nano`` with seeded weights; batch-norm statistics as if it had seen images."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    pytest.importorskip("onnxscript")
    from flawscope.segment.header import Header
    from flawscope.segment.network import build_network, save_safetensors

    torch.manual_seed(1)
    header = Header(model="ocinet-nano", imgsz=(64, 96), labels=("pit",), threshold=0.5)
    network = build_network(header).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 3, 64, 96))
    return save_safetensors(network.eval(), header, tmp_path_factory.mktemp("run") / "nano.safetensors")


def noise(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def noisy() -> Callable[..., np.ndarray]:
    """``noisy(seed, height, width)``: an image of noise."""
    return noise


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three images without masks."""
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(3):
        PillowImage.fromarray(noise(number)).save(folder / f"{number}.png")
    return folder
