"""Maps drawn by whole-number formulas, so that every machine and every library version sees the same pixels."""

from collections.abc import Callable

import numpy as np
import pytest

Drawn = tuple[np.ndarray, np.ndarray]


def draw(name: str) -> Drawn:
    """An 8-bit map and its truth, both ``(64, 80)``."""
    y, x = np.mgrid[:64, :80].astype(np.int64)
    noise = (x * 37 + y * 91 + x * y * 13) % 41 - 20
    patch = (x - 50) ** 2 + 3 * (y - 25) ** 2 - 500
    scratch = np.abs(3 * x - 4 * y - 20) * 20 - 120
    specks = np.where((x * x + 7 * y * y + x * y) % 97 < 3, -200, 400)
    shapes = {
        "patch": (patch, 0),
        "scratch": (scratch, 0),
        "both_shifted": (np.minimum(patch, scratch), 3),
        "specks": (specks, 1),
        "missed": (patch, 30),
    }
    potential, shift = shapes[name]
    answered = np.roll(potential, (shift, shift), (0, 1))
    grey = np.clip(128 - answered // 2 + noise, 0, 255).astype(np.uint8)
    return grey, potential < 0


NAMES = ("patch", "scratch", "both_shifted", "specks", "missed")


@pytest.fixture(params=NAMES)
def drawn_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def drawing() -> Callable[[str], Drawn]:
    return draw
