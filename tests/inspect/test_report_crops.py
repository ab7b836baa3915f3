"""Pictures of a strip's defects: told in millimetres, in the order of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flawscope.inspect.report_crops import crop_cards


def record(folder: Path, rows: int, **more: Any) -> dict[str, Any]:
    file = folder / "coil.npy"
    np.save(file, np.full((rows, 100), 90, np.uint8))
    scratch = {"label": "pit", "box": [57, 8293, 2, 130], "area_px": 130, "length_mm": 65.0}
    blot = {"label": "pit", "box": [10, 40, 40, 40], "area_px": 1600, "length_mm": 20.0}
    about = {"source": str(file), "width": 100, "height": rows, "defects": [blot, scratch]}
    return {**about, "files": {"strip": "."}, **more}


def told(folder: Path, size: str, rows: int = 10_000, **more: Any) -> list[tuple[str, str]]:
    cards = crop_cards(1, record(folder, rows, **more), "coil.npy", ["pit"], size, page=None, white=None)
    return [(card["name"], card["caption"]) for card in cards]


def test_the_longest_comes_first_as_in_the_table(tmp_path: Path) -> None:
    calibration = {"id": "line-3", "mm_per_px_x": 0.25, "mm_per_px_y": 0.5}
    assert told(tmp_path, "length_mm", calibration=calibration) == [
        ("pit at 4.15 m, 14.2 mm across", "coil.npy, 0.5 x 65 mm (2 x 130 px at column 57, row 8,293)"),
        ("pit at 0.02 m, 2.5 mm across", "coil.npy, 10 x 20 mm (40 x 40 px at column 10, row 40)"),
    ]
    short = told(tmp_path, "length_mm", rows=9000, calibration=calibration)
    assert short[0][0] == "pit at 4,146 mm, 14.2 mm across"  # of a strip below 5 m


def test_without_a_calibration_pixels(tmp_path: Path) -> None:
    assert told(tmp_path, "area_px") == [
        ("pit at column 10, row 40", "coil.npy, 40 x 40 px"),
        ("pit at column 57, row 8,293", "coil.npy, 2 x 130 px"),
    ]
    said = {"outcome": "reject", "findings": [{"rule": "long", "outcome": "reject", "defects": [1]}]}
    assert told(tmp_path, "area_px", verdict=said)[0][0] == "pit at column 57, row 8,293"
