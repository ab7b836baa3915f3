"""A tiny SAM taught in the test: what is trained with transformers answers prompts through our loading code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.segment import Prompts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from flawscope.segment.sam import load_sam  # noqa: E402

STEPS, BATCH = 120, 8


def scene(
    rng: np.random.Generator, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """A bright rectangle on noise, its mask, and a point in it."""
    high, wide = rng.integers(height // 4, height // 2), rng.integers(width // 4, width // 2)
    top, left = rng.integers(0, height - high), rng.integers(0, width - wide)
    mask = np.zeros((height, width), dtype=bool)
    mask[top : top + high, left : left + wide] = True
    image = np.where(mask, 200, 60) + rng.integers(-20, 21, mask.shape)
    return np.dstack([image.astype(np.uint8)] * 3), mask, (int(left + wide // 2), int(top + high // 2))


@pytest.mark.slow
def test_a_bright_rectangle_is_found_from_a_point(make_sam: Callable[..., Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = make_sam(fresh=True).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        scenes = [scene(rng, 64, 64) for _ in range(BATCH)]
        pixels = np.stack([(image / 255 - 0.45) / 0.225 for image, _, _ in scenes]).transpose(0, 3, 1, 2)
        truth = torch.from_numpy(np.stack([mask[1::2, 1::2] for _, mask, _ in scenes])).float()
        places = torch.tensor([[[point]] for _, _, point in scenes], dtype=torch.float32)
        answer = model(
            torch.from_numpy(pixels.astype(np.float32)),
            input_points=places,
            input_labels=torch.ones(BATCH, 1, 1, dtype=torch.int64),
        )
        masks = answer.pred_masks[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(masks, truth[:, None].expand_as(masks))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.half().save_pretrained(tmp_path)

    segmenter = load_sam(tmp_path, device="cpu")
    overlaps = []
    for height, width in ((64, 64), (64, 64), (48, 64), (100, 100), (90, 70)):
        image, mask, point = scene(rng, height, width)
        answer = segmenter.segment(image, Prompts(points=np.array([point]), point_labels=np.array([1])))
        found = answer.probability[0] > 0.5
        overlaps.append((found & mask).sum() / (found | mask).sum())
    assert np.mean(overlaps) > 0.75
