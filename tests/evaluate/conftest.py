"""A small dataset drawn on disk, and a segmenter simple enough to reason about."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flawscope.data.masks import Clean, MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.images import Image, write_image
from flawscope.segment import Prompts, Segmentation


@dataclass
class Brightness:
    """The probability of a defect is the grey value over 255; several labels take the colour channels."""

    labels: tuple[str, ...] = ("bright",)
    threshold: float = 0.8
    name: str = "brightness"

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        planes = image[:, :, : len(self.labels)].astype(np.float32) / 255
        return Segmentation(np.ascontiguousarray(planes.transpose(2, 0, 1)))


@pytest.fixture
def brightness() -> Callable[..., Brightness]:
    return Brightness


def square(top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros((24, 32), np.uint8)
    mask[top : top + size, left : left + size] = 255
    return mask


DEFECTS = {
    "a": square(4, 4, 8),
    "b": square(10, 10, 4),
    "c": square(2, 20, 6),
    "clean": np.zeros((24, 32), np.uint8),
}
ANSWERS = {
    "a": square(4, 4, 8) // 255 * 230,  # right at both thresholds
    "b": square(10, 10, 4) // 255 * 179,  # 0.70: seen at 0.5 only
    "c": square(2, 20, 3) // 255 * 230,  # a quarter of it
    "clean": square(0, 0, 2) // 255 * 140,  # 0.55: a false alarm at 0.5 only
}


@pytest.fixture
def small_set(tmp_path: Path) -> SegmentationData:
    """Four images: three with a defect, one clean; two subsets, two kinds, a and b of one piece."""
    samples = []
    for name, mask in DEFECTS.items():
        image = write_image(tmp_path / "set" / "images" / f"{name}.png", ANSWERS[name])
        stored = write_image(tmp_path / "set" / "masks" / f"{name}.png", mask)
        samples.append(
            Sample(
                name=f"images/{name}",
                image=image,
                truth=Clean() if name == "clean" else MaskFile(stored),
                kind="hole" if name in "ab" else "other",
                split="test",
                group="piece" if name in "ab" else None,
                subset={"a": "man-made", "b": "man-made", "c": "natural"}.get(name),
            )
        )
    return SegmentationData("small", tmp_path / "set", ("defect",), tuple(samples))
