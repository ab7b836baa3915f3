from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Twelve small images in the plain layout: bright bars on noise, and two clean ones with empty masks."""
    root = tmp_path / "toy"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    generator = np.random.default_rng(5)
    for number in range(12):
        image = generator.normal(90, 12, (48, 64)).clip(0, 255).astype(np.uint8)
        mask = np.zeros((48, 64), np.uint8)
        if number not in (3, 8):
            top, left = generator.integers(4, 28), generator.integers(4, 40)
            mask[top : top + 10, left : left + 16] = 255
            image[mask > 0] = 220
        cv2.imwrite(str(root / "images" / f"bar_{number:02d}.png"), image)
        cv2.imwrite(str(root / "masks" / f"bar_{number:02d}.png"), mask)
    return root
