"""Support models on the features of a network, here one that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.errors import WeightsError
from flawscope.images import Image
from flawscope.segment import SupportModel
from flawscope.segment.embedder import Embedder
from flawscope.segment.support_maps import feature_maps


class Blocks:
    """Mean and deviation of each square block of pixels, as a grid."""

    def __init__(self, side: int = 8, channels: int = 2) -> None:
        self.side, self.channels = side, channels

    def features(self, image: Image) -> np.ndarray:
        height, width = (size // self.side for size in image.shape[:2])
        cells = image[: height * self.side, : width * self.side, 0].reshape(
            height, self.side, width, self.side
        )
        grid = np.stack([cells.mean(axis=(1, 3)), cells.std(axis=(1, 3))], axis=-1)
        return grid.astype(np.float32)[..., : self.channels]

    def cell_px(self, image: Image) -> tuple[float, float]:
        return (float(self.side), float(self.side))


def rough(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A patch of the same mean as its ground, but rougher."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((64, 96), dtype=bool)
    row, column = 8 * rng.integers(0, 5), 8 * rng.integers(0, 8)
    mask[row : row + 24, column : column + 32] = True
    return np.clip(rng.normal(128, np.where(mask, 40, 5)), 0, 255).astype(np.uint8), mask


def test_blocks_are_an_embedder() -> None:
    assert isinstance(Blocks(), Embedder)


def test_pixels_between_cell_centres_are_interpolated() -> None:
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image[:8, 8:], image[8:, :8], image[8:, 8:] = 80, 160, 240
    maps = feature_maps(image, "embedding", Blocks(8, 1), 1.0)
    # Centres of cells lie at 3.5 and 11.5; pixel 5 is 1.5 / 8 of the way.
    rows, columns = np.array([0, 5, 15, 5]), np.array([0, 3, 15, 5])
    share = 1.5 / 8
    wanted = [0, 160 * share, 240, 80 * share + 160 * share]
    # At (5, 3) the column lies before the first centre and is held there.
    np.testing.assert_allclose(maps.at(rows, columns)[:, 0], wanted, atol=1e-4)
    projected = maps.project(np.array([2.0], dtype=np.float32))
    np.testing.assert_allclose(projected[rows, columns], 2 * np.array(wanted), atol=0.3)


@pytest.mark.parametrize("kind", ["embedding", "both"])
def test_a_model_on_embeddings(kind: str) -> None:
    pairs = [rough(seed) for seed in range(3)]
    model = SupportModel.fit(
        [image for image, _ in pairs], [mask for _, mask in pairs], features=kind, embedder=Blocks()
    )
    image, mask = rough(9)
    found = model.similarity(image) > 0.5
    assert (found & mask).sum() / (found | mask).sum() > 0.6
    again = SupportModel.from_arrays(model.to_arrays(), Blocks())
    np.testing.assert_array_equal(again.similarity(image), model.similarity(image))
    with pytest.raises(WeightsError, match="here are"):
        SupportModel.from_arrays(model.to_arrays(), Blocks(channels=1)).similarity(image)


def test_projection_is_the_sum_over_features() -> None:
    image = np.repeat(rough(1)[0][..., None], 3, axis=2)
    maps = feature_maps(image, "both", Blocks(), 0.5)
    weights = np.random.default_rng(0).normal(size=maps.count).astype(np.float32)
    rows, columns = np.indices((maps.height, maps.width)).reshape(2, -1)
    wanted = (maps.at(rows, columns) @ weights).reshape(32, 48)
    # OpenCV places its interpolation on a grid of 1/32 cell.
    np.testing.assert_allclose(maps.project(weights), wanted, atol=3)
