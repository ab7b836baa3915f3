"""Somebody's maps in a folder, paired with samples by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from flawscope.data.layouts.plain import labels_for
from flawscope.data.masks import MaskFile
from flawscope.data.samples import Sample, SegmentationData
from flawscope.data.values import guess_values
from flawscope.errors import DataError, ImageError, UsageError
from flawscope.images import Probability, find_images, read_label_image, resize

MapValues = Literal["grey", "binary", "classes"]

MASKS_ALONE = "masks alone"
"""Layout of a dataset that has no images, only masks."""


@dataclass(frozen=True)
class MapFolder:
    """Image files that hold predictions.

    Attributes:
        folder: where they lie, at any depth.
        values: what their values mean: ``"grey"`` is the probability (8-bit 255, 16-bit 65535 or float 1 is
            certain), ``"binary"`` is a defect wherever not 0, ``"classes"`` is the class number.
        files: all of them.
    """

    folder: Path
    values: MapValues
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """What to call it in tables."""
        return self.folder.resolve().name

    def pair(self, samples: Sequence[Sample]) -> tuple[dict[str, Path], list[Path]]:
        """The map of each sample by the sample's name, and the maps that belong to none.

        A map belongs to the sample with its stem, or else to the one whose image it names whole (``1.bmp.png``
        belongs to ``1.bmp``). Where several share a stem, to the one whose path agrees with its own over the most
        folders, counted from the end (``test/1.png`` belongs to ``images/test/1``).

        Raises:
            DataError: that leaves it open which belongs to which.
        """
        by_stem: dict[str, list[Path]] = {}
        for file in self.files:
            by_stem.setdefault(file.stem, []).append(file)
        paired: dict[str, Path] = {}
        for sample in samples:
            candidates = by_stem.get(sample.image.stem) or by_stem.get(sample.image.name, [])
            agreement = [_common_end(sample.name, self._names(file, sample)) for file in candidates]
            best = [
                file for file, common in zip(candidates, agreement, strict=True) if common == max(agreement)
            ]
            if len(best) > 1:
                raise self._ambiguous(sample)
            if best:
                paired[sample.name] = best[0]
        used = Counter(paired.values())
        for name, file in paired.items():
            if used[file] > 1:
                raise self._ambiguous(next(sample for sample in samples if sample.name == name))
        return paired, [file for file in self.files if file not in used]

    def _names(self, file: Path, sample: Sample) -> str:
        """What a map calls its sample, without the suffixes of both."""
        key = _key(file.relative_to(self.folder))
        return key.removesuffix(sample.image.suffix) if file.stem == sample.image.name else key

    def _ambiguous(self, sample: Sample) -> DataError:
        return DataError(
            f"the name '{sample.image.stem}' stands for several maps or several images",
            where=self.folder,
            remedy="Keep the folders of the dataset below the folder of maps",
        )

    def read(self, file: Path, height: int, width: int, classes: int) -> tuple[Probability, bool]:
        """One map as probabilities ``(classes, height, width)``, and whether it had to be resized.

        Raises:
            ImageError: not readable, of other values than promised, or a class map of another size.
        """
        stored = read_label_image(file)
        fits = stored.shape == (height, width)
        if self.values == "classes":
            if not fits:
                raise ImageError(
                    f"a class map of {stored.shape[1]}x{stored.shape[0]} pixels for an image of {width}x{height}",
                    where=file,
                    remedy="Save class maps at the size of the mask",
                )
            if stored.max() > classes:
                raise ImageError(f"class number {stored.max()}, but there are {classes} classes", where=file)
            numbers = np.arange(1, classes + 1)[:, None, None]
            return (stored[None] == numbers).astype(np.float32), False
        plane = _as_probability(stored, file) if self.values == "grey" else (stored != 0).astype(np.float32)
        if not fits:
            plane = np.clip(resize(plane, height, width), 0.0, 1.0)
        return plane[None], not fits


def open_maps(folder: str | Path, values: MapValues = "grey") -> MapFolder:
    """A folder of maps.

    Raises:
        DataError: it does not exist or holds no image.
    """
    root = Path(folder)
    files = tuple(find_images(root)) if root.is_dir() else ()
    if not files:
        what = "no image files in this folder" if root.is_dir() else "no such folder"
        raise DataError(what, where=root, remedy="Give the folder that holds the maps, one image file each")
    return MapFolder(root, values, files)


def masks_as_data(folder: str | Path) -> SegmentationData:
    """A folder of true masks as a dataset without images.

    Their meaning is found by looking: 0/255 with a defect above 127, or class numbers from 0 on.

    Raises:
        DataError: it does not exist, holds no mask, or several of one name.
    """
    root = Path(folder)
    files = find_images(root) if root.is_dir() else []
    if not files:
        what = "no mask files in this folder" if root.is_dir() else "no such folder"
        raise DataError(
            what, where=root, remedy="Give the folder that holds the true masks, one image file each"
        )
    names = Counter(_key(file.relative_to(root)) for file in files)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise DataError(
            f"{len(twice)} names stand for several files (first: {twice[0]})",
            where=root,
            remedy="Give a folder of true masks only, one file each; images and masks together are for --data",
        )
    values = guess_values(files)
    samples = tuple(
        Sample(
            name=_key(file.relative_to(root)),
            image=file,
            truth=MaskFile(file, values.numbers, values.threshold),
        )
        for file in files
    )
    return SegmentationData(
        root.resolve().name, root, labels_for(values.classes), samples, layout=MASKS_ALONE
    )


def check_kind(maps: MapFolder, data: SegmentationData) -> None:
    """Raise UsageError when class maps are promised for a dataset of one class."""
    if maps.values == "classes" and len(data.labels) == 1:
        raise UsageError(
            "the dataset has one class only", where="--map-values", remedy="Use binary for maps of 0 and 1"
        )


def _key(relative: Path) -> str:
    return relative.with_suffix("").as_posix()


def _common_end(first: str, second: str) -> int:
    """How many parts two paths share, counted from the end."""
    pairs = zip(reversed(first.split("/")), reversed(second.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _as_probability(stored: npt.NDArray[Any], file: Path) -> npt.NDArray[np.float32]:
    if stored.dtype.kind == "u":
        white = float(np.iinfo(stored.dtype).max)
        return (stored.astype(np.float64) / white).astype(np.float32)
    plane = stored.astype(np.float32)
    if not (plane.min() >= 0 and plane.max() <= 1):
        raise ImageError(
            "a map whose values are not in 0 to 1",
            where=file,
            remedy="Save probabilities as 8-bit (255 is certain), 16-bit, or floats in 0 to 1",
        )
    return plane
