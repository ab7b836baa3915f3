"""The README's picture: drawn surfaces and what the shipped weights find on them.

python benchmarks/readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

import flawscope
from flawscope.data.synthetic import draw
from flawscope.images import write_image

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "demo.png"
SEED, SIZE, COLUMNS, ROWS, GAP = 2026, 256, 4, 3, 6
KINDS = ("steel", "tile", "rail")


def main() -> None:
    segmenter = flawscope.load()
    rows = []
    for row in range(ROWS):
        cells = []
        for column in range(COLUMNS):
            image, _, _ = draw(
                (SEED, row * COLUMNS + column), SIZE, SIZE, surface=KINDS[row], clean_probability=0.1
            )
            found = segmenter.predict(image).overlay(image)
            pair = np.hstack([image, found])
            cells.append(
                cv2.copyMakeBorder(pair, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255))
            )
        rows.append(np.hstack(cells))
    sheet = np.vstack(rows)
    write_image(TARGET, cv2.resize(sheet, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))
    print(TARGET)


if __name__ == "__main__":
    main()
