"""CrackForest: road cracks, annotated in MATLAB files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flawscope.data.layouts.base import dataset, has_images, list_images
from flawscope.data.masks import check_size
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.images import Mask

_CRACK = 2


@dataclass(frozen=True, slots=True)
class MatlabMask:
    """``groundTruth.Segmentation`` of a ``.mat`` file, where 1 is background and 2 is crack."""

    path: Path

    def read(self, height: int, width: int) -> Mask:
        """1 on the crack, ``(height, width)``; raises DataError when the file is not of the form."""
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        try:
            stored: npt.NDArray[Any] = np.asarray(loadmat(self.path)["groundTruth"]["Segmentation"][0, 0])
        except (
            KeyError,
            IndexError,
            ValueError,
            TypeError,
            OSError,
            NotImplementedError,
            MatReadError,
        ) as error:
            raise DataError(
                "not a MATLAB file with groundTruth.Segmentation", where=self.path, remedy="Fetch it again"
            ) from error
        check_size(stored, height, width, self.path)
        crack: Mask = (stored == _CRACK).astype(np.uint8)
        return crack


def recognise(path: Path) -> str | None:
    """Folders ``image`` and ``groundTruth``, the latter with ``.mat`` files."""
    if has_images(path / "image") and has_images(path / "groundTruth", (".mat",)):
        return "folders image/ and groundTruth/ with .mat files"
    return None


def read(path: Path) -> SegmentationData:
    """``image/NNN.jpg`` with ``groundTruth/NNN.mat``; the set is for non-commercial research."""
    folder = path / "groundTruth"
    truths = {file.stem: file for file in sorted(folder.glob("*.mat")) if not file.name.startswith(".")}
    images = list_images(path / "image", recursive=False)
    samples = [
        Sample("", image, MatlabMask(truths[image.stem]) if image.stem in truths else None, "crack")
        for image in images
    ]
    stems = {image.stem for image in images}
    problems = [
        Problem(file, "a mask without an image") for stem, file in truths.items() if stem not in stems
    ]
    return dataset("crackforest", path, ("crack",), samples, problems)
