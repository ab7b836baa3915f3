"""The picture of an enhancement."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.enhance.strip import draw_strip
from flawscope.errors import UsageError

NAMES = ("identity", "wls")


def image(value: float, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), value, dtype=np.float32)


def share(strip: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(strip.astype(int) - colour).max(axis=2) <= 2).mean())


def test_every_picture_is_there() -> None:
    strip = draw_strip(image(0.2), [image(0.4), image(0.6)[:, :, 0]], [[1, 0], [0.5, 0.5]], NAMES)
    assert strip.dtype == np.uint8
    assert strip.shape[2] == 3
    shares = [share(strip, (round(255 * value),) * 3) for value in (0.2, 0.4, 0.6)]
    assert min(shares) > 0.1
    assert max(shares) - min(shares) < 0.01


def test_bars_are_as_long_as_the_weights() -> None:
    def bars(weights: list[float]) -> float:
        return share(draw_strip(image(1), [image(1)], [weights], NAMES), (0x1D, 0x35, 0x57))

    assert bars([1, 0]) == pytest.approx(bars([0.5, 0.5]), rel=0.03)
    none = draw_strip(image(1), [], [], NAMES)
    assert share(none, (0x1D, 0x35, 0x57)) == 0


def test_masks_tint_their_row() -> None:
    empty, full = np.zeros((40, 60), np.uint8), np.ones((40, 60), np.uint8)
    without = draw_strip(image(0.5), [image(0.5)], [[1, 0]], NAMES, [empty, empty])
    tinted = draw_strip(image(0.5), [image(0.5)], [[1, 0]], NAMES, [empty, full])

    def coloured(strip: np.ndarray) -> float:
        return float((np.ptp(strip[:, strip.shape[1] // 2 :].astype(int), axis=2) > 40).mean())

    assert coloured(tinted) > coloured(without) + 0.2


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2000, 30)])
def test_any_shape_makes_a_picture_of_sane_size(size: tuple[int, int]) -> None:
    picture = image(0.5, *size)
    mask = np.zeros(size, np.uint8)
    strip = draw_strip(picture, [picture], [[1, 0]], NAMES, [mask, mask])
    assert strip.shape[0] < 2000
    assert strip.shape[1] < 1000


def test_counts_must_fit() -> None:
    with pytest.raises(UsageError, match="1 rounds, 0 weights and no masks"):
        draw_strip(image(0), [image(0)], [], NAMES)
    with pytest.raises(UsageError, match="1 rounds, 1 weights and 1 masks"):
        draw_strip(image(0), [image(0)], [[1, 0]], NAMES, [np.zeros((40, 60), np.uint8)])
    with pytest.raises(UsageError, match="3 weights for a bank of 2 filters"):
        draw_strip(image(0), [image(0)], [[1, 0, 0]], NAMES)


def test_the_round_that_is_kept_is_named() -> None:
    plain, *others = (
        draw_strip(image(0.5), [image(0.5)] * 2, [[1, 0]] * 2, NAMES, kept=kept) for kept in (None, 0, 1, 2)
    )
    columns = [np.flatnonzero((other != plain).any(axis=(0, 2))).mean() for other in others]
    assert columns == sorted(columns)
    assert len({round(column) for column in columns}) == 3
