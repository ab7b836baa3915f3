"""A network small enough to export in every test, and images for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

STEPS = 60


def blobs(number: int, height: int = 64, width: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A dim noisy surface with two bright discs ``(height, width, 3)``, and its mask in 0 and 1."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width), dtype=np.uint8)
    for _ in range(2):
        row, column, radius = rng.integers(12, height - 12), rng.integers(12, width - 12), rng.integers(8, 13)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = 1
    image = rng.integers(20, 90, (height, width, 3)) + 130 * mask[..., None]
    return image.astype(np.uint8), mask


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


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ocinet-nano`` that has learnt to find bright discs: its answers are far from the threshold."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("timm")
    pytest.importorskip("onnxscript")
    from flawscope.segment.header import Header
    from flawscope.segment.network import build_network, save_safetensors
    from flawscope.segment.preprocess import network_input

    torch.manual_seed(1)
    header = Header(model="ocinet-nano", imgsz=(64, 96), labels=("pit",), threshold=0.5)
    network = build_network(header).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for step in range(STEPS):
        seen = [blobs(1000 + 4 * step + each) for each in range(4)]
        images = torch.from_numpy(np.stack([network_input(image, header) for image, _ in seen]))
        masks = torch.from_numpy(np.stack([mask for _, mask in seen])).float()[:, None]
        logits = network(images)
        loss = sum(torch.nn.functional.binary_cross_entropy_with_logits(each, masks) for each in logits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return save_safetensors(
        network.eval(), header, tmp_path_factory.mktemp("taught") / "nano.safetensors", half=True
    )


def noise(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images of discs that ``taught`` has not seen, with their masks."""
    folder = tmp_path_factory.mktemp("labelled")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for number in range(20):
        image, mask = blobs(number)
        PillowImage.fromarray(image).save(folder / "images" / f"{number:02}.png")
        PillowImage.fromarray(mask * np.uint8(255)).save(folder / "masks" / f"{number:02}.png")
    return folder


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
