"""A game with one known best mix, small enough to solve in seconds.

The bank leaves the plane alone, halves it, or halves its distance to white: a mix (i, d, l) turns the tones v
into (1 - (d + l) / 2) v + l / 2. The segmenter measures both numbers and marks as much of the true mask as they
are near those of BEST, so that only BEST marks all of it in one round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from flawscope.enhance.bank import blend
from flawscope.sdie.shots import Shot
from flawscope.segment.base import Segmentation

SIDE = 40
DARK, LIGHT = 0.2, 0.6
BEST = np.array([0.2, 0.6, 0.2])


@dataclass
class ToyBank:
    names: tuple[str, ...] = ("identity", "darker", "lighter")
    adjustable: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def filtered(self, plane: np.ndarray, parameters: Any = None) -> np.ndarray:
        return np.stack([plane, plane / 2, (plane + 1) / 2]).astype(np.float32)

    def mix(self, plane: np.ndarray, weights: Any, parameters: Any = None) -> np.ndarray:
        return blend(self.filtered(plane), weights)

    def to_json(self) -> dict[str, Any]:
        return {"toy": list(self.names)}

    def fingerprint(self) -> str:
        return "toy"


@dataclass
class ToySegmenter:
    """Marks rows by contrast and columns by offset; only ever part of the left half."""

    steepness: float = 3.0
    name: str = "toy"
    labels: tuple[str, ...] = ("defect",)
    threshold: float = 0.5
    asked: list[np.ndarray] = field(default_factory=list)

    def segment(self, image: np.ndarray, prompts: Any = None) -> Segmentation:
        self.asked.append(image)
        contrast = (float(image.max()) - float(image.min())) / (LIGHT - DARK)
        offset = float(image.min()) - contrast * DARK
        wanted = 1 - (BEST[1] + BEST[2]) / 2, BEST[2] / 2
        height, width = image.shape[:2]
        marked = [
            round(size * max(0.0, 1 - self.steepness * abs(found - best)))
            for size, found, best in zip((height, width // 2), (contrast, offset), wanted, strict=True)
        ]
        probability = np.zeros((1, height, width), np.float32)
        probability[0, : marked[0], : marked[1]] = 0.9
        return Segmentation(probability, quality=0.25)


def toy_image(side: int = SIDE) -> np.ndarray:
    plane = np.full((side, side), DARK, np.float32)
    plane[: side // 2] = LIGHT
    return plane


def toy_shot(segmenter: Any = None, name: str = "defect", source: str = "toy-0") -> Shot:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = 1
    return Shot(toy_image(), mask, segmenter or ToySegmenter(), name, source)


@dataclass
class Toy:
    """Everything a test of the toy needs."""

    bank: Any = field(default_factory=ToyBank)
    best: np.ndarray = field(default_factory=lambda: BEST.copy())
    segmenter: type = ToySegmenter

    def shot(self, *args: Any, **kwargs: Any) -> Shot:
        return toy_shot(*args, **kwargs)

    def image(self, side: int = SIDE) -> np.ndarray:
        return toy_image(side)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def small_bank() -> Any:
    """Four true filters that take about a millisecond."""
    return make_bank_of(("identity", "unsharp", "median", "clahe"))


def make_bank_of(filters: tuple[str, ...]) -> Any:
    from flawscope.enhance.presets import bank

    return bank(filters=filters)


@pytest.fixture
def speckled() -> tuple[np.ndarray, np.ndarray]:
    """A noisy ``uint8`` image with a brighter disc, and the disc's mask."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:200, :200]
    mask = ((x - 120) ** 2 + (y - 80) ** 2 < 30**2).astype(np.uint8)
    image = np.clip(rng.normal(110 + 60 * mask, 12), 0, 255).astype(np.uint8)
    return image, mask
