"""The images of ``flawscope demo``: drawn, with their exact masks, so that what is found can be judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flawscope.data.synthetic import SURFACES, draw
from flawscope.images import read_mask, write_image
from flawscope.inspect import ResultFolder
from flawscope.results import find_defects

HEIGHT, WIDTH = 256, 256


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn.

    Attributes:
        folder: of the images.
        defects: number of connected defects by file name.
    """

    folder: Path
    defects: dict[str, int]

    def overlaps(self, results: ResultFolder) -> dict[str, float | None]:
        """Intersection over union of drawn and found, any class, by file name; None where both are empty."""
        found: dict[str, float | None] = {}
        for record in results.records:
            name = Path(record["source"]).name
            truth = read_mask(self.folder.parent / "truth" / name) > 0
            answer = read_mask(results.root / record["files"]["mask"], threshold=0) > 0
            union = int(np.count_nonzero(truth | answer))
            found[name] = int(np.count_nonzero(truth & answer)) / union if union else None
        return found


def draw_images(folder: Path, count: int, seed: int) -> Drawn:
    """Draw ``count`` images into ``folder`` and their masks into ``truth`` beside it, in place of earlier ones."""
    for earlier in (*folder.glob("drawn_*.png"), *(folder.parent / "truth").glob("drawn_*.png")):
        earlier.unlink()
    defects: dict[str, int] = {}
    for index in range(count):
        image, mask, _labels = draw(seed + index, HEIGHT, WIDTH, surface=SURFACES[index % len(SURFACES)])
        name = f"drawn_{index + 1:03d}.png"
        write_image(folder / name, image)
        write_image(folder.parent / "truth" / name, (mask > 0).astype(np.uint8) * np.uint8(255))
        defects[name] = len(find_defects((mask > 0).astype(np.uint8), ("defect",)))
    return Drawn(folder, defects)
