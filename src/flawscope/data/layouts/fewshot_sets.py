"""Few-shot sets: FSSD-12 and Surface-Defect-4i, one folder a class."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.layouts.base import dataset, list_images, pair, subfolders
from flawscope.data.masks import Clean, MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData

_STEEL = "Steel_"


def recognise_fssd12(path: Path) -> str | None:
    """Only folders ``Steel_<two letters>`` with ``Images`` and ``GT``, none with ``Nd``."""
    folders = _folders(path)
    if folders and all(_is_steel(f) and not (f / "Nd").is_dir() for f in folders):
        return f"folders {folders[0].name} to {folders[-1].name} with Images/ and GT/"
    return None


def recognise_surface_defect_4i(path: Path) -> str | None:
    """Folders with ``Images`` and ``GT``, of which some are not steel or have ``Nd``."""
    folders = _folders(path)
    if folders and any(not _is_steel(f) or (f / "Nd").is_dir() for f in folders):
        return f"folders {folders[0].name} to {folders[-1].name} with Images/ and GT/"
    return None


def read_fssd12(path: Path) -> SegmentationData:
    """``Steel_XX/Images/Steel_XX_<n>.jpg`` with ``Steel_XX/GT/...png``; defect above 127, XX is the kind."""
    return _read("fssd-12", path, strip=_STEEL)


def read_surface_defect_4i(path: Path) -> SegmentationData:
    """``<Class>/Images`` with ``<Class>/GT``; defect above 127. Images in ``<Class>/Nd`` are clean."""
    return _read("surface-defect-4i", path)


def _read(layout: str, path: Path, strip: str = "") -> SegmentationData:
    samples: list[Sample] = []
    problems: list[Problem] = []
    for folder in _folders(path):
        kind = folder.name.removeprefix(strip)
        images, masks = folder / "Images", folder / "GT"
        pairs, left = pair(list_images(images), images, list_images(masks), masks)
        problems += left
        samples += [
            Sample("", image, None if mask is None else MaskFile(mask), kind) for image, mask in pairs
        ]
        samples += [Sample("", image, Clean(), "normal") for image in list_images(folder / "Nd")]
    return dataset(layout, path, ("defect",), samples, problems)


def _folders(path: Path) -> list[Path]:
    return [
        folder for folder in subfolders(path) if (folder / "Images").is_dir() and (folder / "GT").is_dir()
    ]


def _is_steel(folder: Path) -> bool:
    return folder.name.startswith(_STEEL) and len(folder.name) == len(_STEEL) + 2
