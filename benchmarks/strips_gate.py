"""What the gate before the network skips and misses: the parts ``gate`` and ``skip`` of ``strips.py``.

``gate`` learns from sound photographs and asks about others. ``skip`` is what ``--skip-background`` does: the gate
learns from the strip itself, here from strips that ``flawscope data strip`` draws and whose defects are known. The
network sees every tile once; at each level its stored answers serve the tiles that pass. A drawn defect is found when
a pixel inside its box is marked, and missed by the gate when it is found without the gate and not with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data.samples import Sample
from flawscope.images import Image, read_image
from flawscope.inspect.strip import inspect_strip
from flawscope.inspect.strip_gate import Gate, learn_from_strip
from flawscope.inspect.strip_source import open_strip
from flawscope.segment import Prompts, Segmentation, Tiled, load
from flawscope.segment.tiled import segment_all, tile_starts
from flawscope.segment.wrapper import Wrapper
from strips_iou import SIDE, data, read

LEVELS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SKIP_LEVELS = (-1.0, 0.0, 1.0, 2.0)
SKIP_STRIPS = (("steel", 11), ("rail", 12), ("tile", 13))
SKIP_METRES, SKIP_DENSITY = 4, 0.6
TIMED = 200


def gate(sample: int, _threads: int) -> dict[str, Any]:
    """Learnt from sound training tiles; asked about windows of 224 px of the test images."""
    sound = [item for item in data("magnetic-tile", "train").samples if item.kind == "free"][::sample]
    learnt = Gate.learn((window for item in sound for window, _ in windows(item)), 0.0)
    odd_sound: list[float] = []
    defective: list[list[tuple[float, int]]] = []
    for item in data("magnetic-tile", "test").samples[::sample]:
        seen = [(learnt.deviations(image), int(truth.sum())) for image, truth in windows(item)]
        if any(pixels for _, pixels in seen):
            defective.append(seen)
        else:
            odd_sound += [odd for odd, _ in seen]
    pixels = sum(count for seen in defective for _, count in seen)
    curve = [
        {
            "level": level,
            "sound_windows_skipped": round(float(np.mean([odd <= level for odd in odd_sound])), 4),
            "defect_images_missed": round(
                float(np.mean([all(odd <= level for odd, count in seen if count) for seen in defective])), 4
            ),
            "defect_pixels_missed": round(
                sum(count for seen in defective for odd, count in seen if odd <= level) / max(pixels, 1), 4
            ),
        }
        for level in LEVELS
    ]
    return {
        "learnt_from_images": len(sound),
        "sound_windows": len(odd_sound),
        "defect_images": len(defective),
        "curve": curve,
    }


def windows(item: Sample) -> list[tuple[np.ndarray, np.ndarray]]:
    """Windows of at most 224 px that share nothing but what the last ones need to end with the image."""
    image, truth = read(item)
    return [
        (image[top : top + SIDE, left : left + SIDE], truth[top : top + SIDE, left : left + SIDE])
        for top in tile_starts(image.shape[0], SIDE, 0)
        for left in tile_starts(image.shape[1], SIDE, 0)
    ]


class Remembering(Wrapper):
    """The network, asked once about each tile; ``seconds`` are a processor's."""

    def __init__(self, segmenter: Any) -> None:
        self.segmenter = segmenter
        self.answers: dict[bytes, Segmentation] = {}
        self.seconds = 0.0

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """One tile."""
        del prompts
        return self.segment_batch([image])[0]

    def segment_batch(self, images: list[Image]) -> list[Segmentation]:
        """Stored answers, where there are such."""
        keys = [image.tobytes() for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self.answers}
        before = time.process_time()
        for key, answer in zip(new, segment_all(self.segmenter, list(new.values())), strict=True):
            self.answers[key] = answer
        self.seconds += time.process_time() - before
        return [self.answers[key] for key in keys]


def skip(sample: int, threads: int) -> dict[str, Any]:
    """The option's way, on strips whose defects are known."""
    network = load("ocinet-tiny", device="cpu", threads=threads)
    strips = [skip_one(network, surface, seed, SKIP_METRES / sample) for surface, seed in SKIP_STRIPS]
    return {"metres": SKIP_METRES / sample, "density": SKIP_DENSITY, "strips": strips}


def skip_one(network: Any, surface: str, seed: int, metres: float) -> dict[str, Any]:
    """One drawn strip, without the gate and at each level."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = (
            f"data strip --out coil.tif --json coil.json --metres {metres:g} --surface {surface} --seed {seed} "
            f"--density {SKIP_DENSITY}"
        )
        subprocess.run(
            [sys.executable, "-m", "flawscope", *line.split()], cwd=folder, check=True, capture_output=True
        )
        truth = json.loads((folder / "coil.json").read_text())
        boxes = [defect["box"] for defect in truth["defects"]]
        remembering = Remembering(network)
        tiled = Tiled(remembering)

        def inspected(level: float | None) -> tuple[np.ndarray, dict[str, Any]]:
            source = open_strip(folder / "coil.tif")
            result = inspect_strip(tiled, source, folder / f"at {level}", skip_background=level)
            return whole_mask(result.root), result.background or {}

        mask, _ = inspected(None)
        without, in_boxes = found(mask, boxes), boxes_filled(mask.shape, boxes)
        levels = []
        for level in SKIP_LEVELS:
            behind, background = inspected(level)
            kept = found(behind, boxes)
            levels.append(
                {
                    "level": level,
                    "tiles": background["tiles"],
                    "skipped": background["skipped"],
                    "missed": sum(before and not after for before, after in zip(without, kept, strict=True)),
                    "pixels_lost_in_boxes": share_lost(mask & in_boxes, behind),
                    "pixels_lost_elsewhere": share_lost(mask & ~in_boxes, behind),
                }
            )
        tiles = len(remembering.answers)
        return {
            "surface": surface,
            "seed": seed,
            "rows": truth["rows"],
            "drawn": len(boxes),
            "found_without": sum(without),
            "levels": levels,
            "network_ms_a_tile": round(1e3 * remembering.seconds / tiles, 2),
            "gate_ms_a_tile": gate_milliseconds(folder / "coil.tif", tiled),
        }


def gate_milliseconds(file: Path, tiled: Tiled) -> float:
    """A processor's, of the first tiles of a strip."""
    source = open_strip(file)
    learnt = learn_from_strip(source, tiled, 0.0)
    image = source.read(0, SIDE * -(-TIMED * SIDE // source.width))
    tiles = [
        image[top : top + SIDE, left : left + SIDE]
        for top in range(0, len(image) - SIDE + 1, SIDE)
        for left in tile_starts(source.width, SIDE, 0)
    ]
    before = time.process_time()
    for tile in tiles:
        learnt(tile)
    return round(1e3 * (time.process_time() - before) / len(tiles), 2)


def whole_mask(strip: Path) -> np.ndarray:
    """The pieces of a strip's mask, one below the other."""
    return np.concatenate(
        [read_image(piece)[:, :, 0] > 0 for piece in sorted((strip / "masks").glob("*.png"))]
    )


def boxes_filled(shape: tuple[int, ...], boxes: list[list[int]]) -> np.ndarray:
    """Where drawn defects lie."""
    filled = np.zeros(shape, dtype=bool)
    for left, top, width, height in boxes:
        filled[top : top + height, left : left + width] = True
    return filled


def share_lost(marked: np.ndarray, behind: np.ndarray) -> float:
    """Of the marked pixels, those that are no longer marked behind the gate."""
    return round(np.count_nonzero(marked & ~behind) / max(np.count_nonzero(marked), 1), 4)


def found(mask: np.ndarray, boxes: list[list[int]]) -> list[bool]:
    """Of each drawn defect whether a pixel inside its box is marked."""
    return [bool(mask[top : top + height, left : left + width].any()) for left, top, width, height in boxes]
