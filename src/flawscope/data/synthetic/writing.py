"""A whole synthetic dataset on disk, ready for every command that takes ``--data``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import yaml

from flawscope.data.samples import SegmentationData, open_data
from flawscope.data.synthetic.defects import KINDS
from flawscope.data.synthetic.scene import check_drawing, draw
from flawscope.errors import UsageError
from flawscope.images import write_image
from flawscope.outputs import write_json, write_text

SPLITS = ("train", "val", "test")
"""The splits that the fractions are for, in this order."""


def write_dataset(
    out: Path,
    count: int,
    height: int,
    width: int,
    *,
    seed: int = 0,
    surface: str = "any",
    kinds: Sequence[str] = KINDS,
    clean_probability: float = 0.2,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    advance: Callable[[], None] = lambda: None,
) -> SegmentationData:
    """Draw ``count`` images and write them as ``images/``, ``masks/``, ``splits.json`` and ``dataset.yaml``.

    Image ``i`` follows from ``seed`` and ``i`` alone, so a larger set begins with the smaller one. Masks hold
    class numbers, 0 background.

    Args:
        out: a folder that does not exist or is empty.
        count: how many images.
        height: of each, in pixels.
        width: of each, in pixels.
        seed: everything random follows from it.
        surface: see :func:`flawscope.data.synthetic.draw`.
        kinds: likewise.
        clean_probability: likewise.
        fractions: shares of train, val and test, which add up to 1.
        advance: called after each image.

    Raises:
        UsageError: the folder is not empty, or the numbers make no sense.
        OutputError: it cannot be written.
    """
    check_drawing(height, width, surface, kinds, clean_probability)
    if count < 1:
        raise UsageError(f"cannot draw {count} images", where="--count", remedy="Give 1 or more")
    if len(fractions) != len(SPLITS) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise UsageError(
            f"not shares of train, val and test: {', '.join(f'{share:g}' for share in fractions)}",
            where="--splits",
            remedy="Give three numbers that add up to 1, such as 0.8,0.1,0.1",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("not an empty folder", where=out, remedy="Choose another --out or empty it first")
    names = [f"{index:0{max(5, len(str(count)))}d}" for index in range(count)]
    for index, name in enumerate(names):
        image, mask, _ = draw(
            (seed, index), height, width, surface=surface, kinds=kinds, clean_probability=clean_probability
        )
        write_image(out / "images" / f"{name}.png", image)
        write_image(out / "masks" / f"{name}.png", mask)
        advance()
    write_json(out / "splits.json", _divided(names, fractions, seed))
    description = {
        "name": "synthetic",
        "path": ".",
        "layout": "plain",
        "splits": "splits.json",
        "labels": list(kinds),
        "mask_values": {0: "background", **dict(enumerate(kinds, start=1))},
    }
    write_text(out / "dataset.yaml", yaml.safe_dump(description, sort_keys=False))
    return open_data(out)


def _divided(names: Sequence[str], fractions: Sequence[float], seed: int) -> dict[str, object]:
    """The content of the split file: images in random order, cut at the fractions."""
    order = np.random.default_rng((seed, len(names))).permutation(len(names))
    cuts = np.rint(np.cumsum((0.0, *fractions)) * len(names)).astype(int)
    content: dict[str, object] = {
        "note": f"Drawn from seed {seed}; every image is independent of the others."
    }
    for split, start, stop in zip(SPLITS, cuts, cuts[1:], strict=False):
        chosen = sorted(names[index] for index in order[start:stop])
        content[split] = [{"image": f"images/{name}.png", "mask": f"masks/{name}.png"} for name in chosen]
    return content
