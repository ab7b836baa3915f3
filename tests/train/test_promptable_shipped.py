from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import flawscope
from flawscope.segment.base import Prompts
from flawscope.segment.sam import load_sam

WEIGHTS = Path(flawscope.__file__).parent / "weights"


@pytest.mark.parametrize("name", ["promptable-no-steel", "promptable-no-tile"])
def test_the_shipped_models_are_small_and_find_a_dark_disc_from_a_click(name: str) -> None:
    assert sum(file.stat().st_size for file in (WEIGHTS / name).iterdir()) < 10 * 2**20
    segmenter = load_sam(WEIGHTS / name)
    assert sum(weight.numel() for weight in segmenter.engine.model.parameters()) < 5_000_000
    rng = np.random.default_rng(0)
    overlaps = []
    for row, column, reach in ((60, 70, 22), (120, 150, 30), (90, 190, 16), (150, 60, 26)):
        rows, columns = np.ogrid[:200, :240]
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= reach**2
        grey = np.where(disc, 60, 150) + rng.normal(0, 6, disc.shape)
        image = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        click = Prompts(points=np.array([[column, row]], np.float32), point_labels=np.ones(1, np.int64))
        answer = segmenter.segment(image, click)
        assert answer.probability.shape == (1, 200, 240)
        assert answer.quality is not None
        found = answer.probability[0] > 0.5
        overlaps.append(np.count_nonzero(found & disc) / np.count_nonzero(found | disc))
    assert np.median(overlaps) > 0.5, overlaps
